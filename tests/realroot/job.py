"""Runs inside the environment of real ROOT: write simulated events in many forms, read files, or time ROOT's own loop over them (``python write.py JOB.json``).

The job is a JSON document: ``content`` (an ``.npz`` with a column per branch), ``start`` (UTC ns), ``notice``, and ``files``, a list of
``{"path", "split" (null for leaf arrays), "compression", "basket", "flush"}``, with ``"save"`` saved every so many entries, or with ``"shape"`` (list, vectors, pointers) instead of the last but two. With ``loop``, a list of paths, the processor seconds of ROOT's loop are printed as JSON; with
``summarise``, the sums of every branch as `SpeHit.h` prints them.
"""

import json
import pathlib
import sys
import time

import numpy as np
import ROOT


def main(path: str) -> None:
    job = json.loads(pathlib.Path(path).read_text())
    ROOT.gROOT.SetBatch(True)
    source = pathlib.Path(__file__).parent / "SpeHit.h"
    # The dictionary is compiled beside the job, not beside the sources.
    local = pathlib.Path(path).parent / source.name
    local.write_text(source.read_text())
    ROOT.gROOT.ProcessLine(f".L {local}+")
    if "summarise" in job:
        for file in job["summarise"]:
            print("file", file, flush=True)
            ROOT.summarise(file)
        return
    if "loop" in job:
        print(json.dumps([timed(p) for p in job["loop"]]))
        return
    with np.load(job["content"]) as content:
        columns = {name: np.ascontiguousarray(content[name]) for name in content.files}
    run = ROOT.Run()
    run.events = len(columns["NHits"])
    names = {"run": "RunNumber", "frame": "FrameIndex", "counter": "TriggerCounter", "mask": "TriggerMask", "hits": "NHits"}
    names |= {"line": "Line", "floor": "Floor", "ars": "Ars", "time": "TimeStamp", "tvc": "Tvc", "avc": "Avc", "triggered": "Triggered"}
    for member, name in names.items():
        setattr(run, member, columns[name])
    for file in job["files"]:
        if "shape" in file:
            getattr(ROOT, f"write_{file['shape']}")(file["path"], file["compression"], file["basket"], job["start"], job["notice"], run)
            continue
        common = (file["path"], file["compression"], file["basket"], file["flush"])
        if file["split"] is None:
            ROOT.write_leaves(*common, job["start"], job["notice"], run, file.get("save", 0))
        else:
            ROOT.write_structs(*common, file["split"], job["start"], job["notice"], run, file.get("save", 0))


def timed(path: str) -> float:
    started = time.process_time()
    ROOT.loop(path)
    return time.process_time() - started


if __name__ == "__main__":
    main(sys.argv[1])

"""Write ``killed.root``, ``killed_saving_itself.root`` and ``saved.root`` of this folder with real ROOT, in an environment of its own: ``python unfinished.py FOLDER``.

All hold tree ``t`` of `codecs`, of 2,700 entries, saved by ROOT every 1,000 entries. The jobs that write the first two are killed before they close the file, of which the second
has a directory of its last save. In the third, the tree as it was saved last is still there beside the final one, as ROOT leaves it.
"""

import os
import signal
import sys
from array import array

import ROOT

ENTRIES, SAVED, FLUSHED = 2700, 1000, 500


def written(path, itself):
    file = ROOT.TFile(path, "recreate", "", 101)
    tree = ROOT.TTree("t", "t")
    tree.SetAutoFlush(FLUSHED)
    tree.SetAutoSave(0 if itself else SAVED)
    n, values, time = array("i", [0]), array("i", [0] * 7), array("q", [0])
    tree.Branch("n", n, "n/I", 512)
    tree.Branch("values", values, "values[n]/I", 512)
    tree.Branch("time", time, "time/L", 512)
    for i in range(ENTRIES):
        n[0], time[0] = i % 7, i * i
        for k in range(n[0]):
            values[k] = 1000 * i + k
        tree.Fill()
        if itself and (i + 1) % SAVED == 0:
            tree.AutoSave("SaveSelf")
    return file, tree


def killed(path, itself):
    child = os.fork()
    if child == 0:
        held = written(path, itself)  # a file that nobody holds is closed
        os.kill(os.getpid() if held else 0, signal.SIGKILL)
    os.waitpid(child, 0)


def saved(path):
    file, tree = written(path, False)
    tree.Write()
    file.Close()


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    killed("killed.root", False)
    killed("killed_saving_itself.root", True)
    saved("saved.root")

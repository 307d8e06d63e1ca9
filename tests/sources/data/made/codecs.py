"""Write the small ROOT files of this folder with real ROOT (PyPI ``root`` 6.40, in an environment of its own): ``python codecs.py FOLDER``.

Each file holds tree ``t`` with entries i = 0 … 299: ``n`` = i % 7, ``values[n]`` = 1000 i + k as i4, ``time`` = i * i as i8. Values that a test can compute.
"""

import sys
from array import array

import ROOT

CODECS = {"none": (0, 0), "zlib": (1, 6), "lzma": (2, 6), "lz4": (4, 4), "zstd": (5, 5)}


def fill(tree, start, stop, n, values, time):
    for i in range(start, stop):
        n[0], time[0] = i % 7, i * i
        for k in range(n[0]):
            values[k] = 1000 * i + k
        tree.Fill()


def branches(tree):
    n, values, time = array("i", [0]), array("i", [0] * 7), array("q", [0])
    tree.Branch("n", n, "n/I", 512)
    tree.Branch("values", values, "values[n]/I", 512)
    tree.Branch("time", time, "time/L", 512)
    return n, values, time


def codec(folder, name):
    algorithm, level = CODECS[name]
    file = ROOT.TFile(f"{folder}/codec_{name}.root", "recreate", "", 100 * algorithm + level)
    tree = ROOT.TTree("t", "t")
    tree.SetAutoFlush(0)
    fill(tree, 0, 300, *branches(tree))
    tree.Write()
    file.Close()


def saved_twice(folder):
    """Two cycles of one tree; the last was saved with its full baskets on disk and the rest still in memory, so that these stand inside the branches."""
    file = ROOT.TFile(f"{folder}/embedded.root", "recreate", "", 106)
    tree = ROOT.TTree("t", "t")
    tree.SetAutoFlush(0)
    buffers = branches(tree)
    fill(tree, 0, 100, *buffers)
    file.WriteTObject(tree, "t")
    fill(tree, 100, 300, *buffers)
    file.WriteTObject(tree, "t")
    tree.SetDirectory(ROOT.nullptr)
    file.Close()


if __name__ == "__main__":
    for name in CODECS:
        codec(sys.argv[1], name)
    saved_twice(sys.argv[1])

"""Writes ``ntuple.root`` with real ROOT: an ntuple of single and one of double precision, and one in a directory.

``python ntuple.py FOLDER``, with the Python of the environment in `tests.realroot.environment`.
"""

import sys

import ROOT

file = ROOT.TFile(f"{sys.argv[1]}/ntuple.root", "RECREATE")
single = ROOT.TNtuple("nt", "an ntuple", "run:frame:charge")
for i in range(1000):
    single.Fill(i // 100, i, i * 0.5)
single.Write()
double = ROOT.TNtupleD("ntd", "double", "a:b")
for i in range(10):
    double.Fill(i, i * 0.1)
double.Write()
file.mkdir("sub").cd()
inside = ROOT.TNtuple("inside", "x", "x:y")
inside.Fill(1, 2)
inside.Write()
file.Close()

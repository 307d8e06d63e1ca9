"""Write ``object_wise.root`` with real ROOT (PyPI ``root`` 6.40, in an environment of its own): ``python frames.py FOLDER``.

First build the classes: ``rootcling -f Dict.cxx -I$ROOTSYS/include Daq.h LinkDef.h`` and
``g++ -shared -fPIC -std=c++20 -I$ROOTSYS/include Daq.cxx Dict.cxx -o libDaq.so``.

Tree ``KM3NET_TIMESLICE_L1`` of six timeslices, none to five frames each, frame k with 3 k hits, streamed object by object. Values that a test can compute.
"""

import sys

import ROOT

ROOT.gSystem.Load("./libDaq.so")
DAQ = ROOT.KM3NETDAQ


def start(header, entry, clock=0):
    header.detector_id, header.run, header.frame_index = 44, 7, 100 + entry
    header.timeslice_start.UTC_seconds = 1_600_000_000 + entry | clock << 31
    header.timeslice_start.UTC_16nanosecondcycles = 6_250_000 * entry


ROOT.TVirtualStreamerInfo.SetStreamMemberWise(False)
file = ROOT.TFile(f"{sys.argv[1]}/object_wise.root", "recreate", "", 109)
tree = ROOT.TTree("KM3NET_TIMESLICE_L1", "KM3NET_TIMESLICE_L1")
timeslice = DAQ.JDAQTimeslice()
tree.Branch("km3net_timeslice_L1", timeslice, 32000, 1)
for entry in range(6):
    timeslice.clear()
    timeslice.length, timeslice.type = 34, 1003
    start(timeslice, entry)
    for k in range(entry):
        frame = DAQ.JDAQSuperFrame()
        frame.length, frame.type = 56 + 18 * k, 101
        start(frame, entry, clock=k == 1)
        frame.id, frame.daq, frame.status, frame.fifo = 808_000_000 + k, 0x140015, -(2**31) + k, -(2**31)
        frame.status_3, frame.status_4 = 3, 4
        frame.fill(3 * k, entry)
        timeslice.push_back(frame)
    tree.Fill()
tree.Write()
file.Close()

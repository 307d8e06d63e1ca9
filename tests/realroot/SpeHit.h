// A simulated hit of ANTARES as a C++ structure, and functions that write runs of them with ROOT.
#pragma once
#include <cstdio>
#include <cstring>
#include <vector>

#include "TFile.h"
#include "TKey.h"
#include "TLeaf.h"
#include "TNamed.h"
#include "TTree.h"

struct SpeHit {
    UChar_t Line, Floor, Ars;
    UInt_t TimeStamp;
    UChar_t Tvc, Avc, Triggered;
};

// Columns of a run: one value per event in the first five, one per hit in the others.
struct Run {
    long events;
    const unsigned *run, *frame;
    const int *counter;
    const unsigned *mask;
    const int *hits;
    const unsigned char *line, *floor, *ars;
    const unsigned *time;
    const unsigned char *tvc, *avc, *triggered;
};

inline void header(unsigned run, Long64_t start, unsigned events, const char *notice) {
    TTree tree("RunHeader", "RunHeader");
    tree.Branch("RunNumber", &run, "RunNumber/i");
    tree.Branch("StartUtcNs", &start, "StartUtcNs/L");
    tree.Branch("NEvents", &events, "NEvents/i");
    tree.Fill();
    tree.Write();
    TNamed("SIMULATED", notice).Write();
}

// A branch per quantity, lengths in NHits.
inline void write_leaves(const char *path, int compression, int basket, bool flush, Long64_t start, const char *notice, Run r, Long64_t save = 0) {
    TFile file(path, "RECREATE", "", compression);
    header(r.events ? r.run[0] : 0, start, r.events, notice);
    TTree tree("PhysicsEvent", "PhysicsEvent");
    if (!flush) tree.SetAutoFlush(save / 2);
    if (save) tree.SetAutoSave(save);
    unsigned run, frame, mask;
    int counter, n;
    tree.Branch("RunNumber", &run, "RunNumber/i", basket);
    tree.Branch("FrameIndex", &frame, "FrameIndex/i", basket);
    tree.Branch("TriggerCounter", &counter, "TriggerCounter/I", basket);
    tree.Branch("TriggerMask", &mask, "TriggerMask/i", basket);
    tree.Branch("NHits", &n, "NHits/I", basket);
    TBranch *line = tree.Branch("Line", (void *)r.line, "Line[NHits]/b", basket);
    TBranch *floor = tree.Branch("Floor", (void *)r.floor, "Floor[NHits]/b", basket);
    TBranch *ars = tree.Branch("Ars", (void *)r.ars, "Ars[NHits]/b", basket);
    TBranch *time = tree.Branch("TimeStamp", (void *)r.time, "TimeStamp[NHits]/i", basket);
    TBranch *tvc = tree.Branch("Tvc", (void *)r.tvc, "Tvc[NHits]/b", basket);
    TBranch *avc = tree.Branch("Avc", (void *)r.avc, "Avc[NHits]/b", basket);
    TBranch *triggered = tree.Branch("Triggered", (void *)r.triggered, "Triggered[NHits]/b", basket);
    long o = 0;
    for (long i = 0; i < r.events; o += r.hits[i++]) {
        run = r.run[i], frame = r.frame[i], counter = r.counter[i], mask = r.mask[i], n = r.hits[i];
        line->SetAddress((void *)(r.line + o));
        floor->SetAddress((void *)(r.floor + o));
        ars->SetAddress((void *)(r.ars + o));
        time->SetAddress((void *)(r.time + o));
        tvc->SetAddress((void *)(r.tvc + o));
        avc->SetAddress((void *)(r.avc + o));
        triggered->SetAddress((void *)(r.triggered + o));
        tree.Fill();
    }
    tree.Write();
    file.Close();
}

// Hits as a vector of structures: 0 leaves it whole (ROOT then streams member by member), more splits it into a branch per member.
inline void write_structs(const char *path, int compression, int basket, bool flush, int split, Long64_t start, const char *notice, Run r, Long64_t save = 0) {
    TFile file(path, "RECREATE", "", compression);
    header(r.events ? r.run[0] : 0, start, r.events, notice);
    TTree tree("PhysicsEvent", "PhysicsEvent");
    if (!flush) tree.SetAutoFlush(save / 2);
    if (save) tree.SetAutoSave(save);
    unsigned run, frame, mask;
    int counter;
    std::vector<SpeHit> hits, *pointer = &hits;
    tree.Branch("RunNumber", &run, "RunNumber/i", basket);
    tree.Branch("FrameIndex", &frame, "FrameIndex/i", basket);
    tree.Branch("TriggerCounter", &counter, "TriggerCounter/I", basket);
    tree.Branch("TriggerMask", &mask, "TriggerMask/i", basket);
    tree.Branch("Hits", &pointer, basket, split);
    long o = 0;
    for (long i = 0; i < r.events; o += r.hits[i++]) {
        run = r.run[i], frame = r.frame[i], counter = r.counter[i], mask = r.mask[i];
        hits.resize(r.hits[i]);
        for (int j = 0; j < r.hits[i]; j++) {
            long k = o + j;
            hits[j] = SpeHit{r.line[k], r.floor[k], r.ars[k], r.time[k], r.tvc[k], r.avc[k], r.triggered[k]};
        }
        tree.Fill();
    }
    tree.Write();
    file.Close();
}

// The same as the rows of a file of old: what belongs to an event stands side by side in one branch, and counts the arrays of others; some are counted by a leaf whose
// branch has another name.
inline void write_list(const char *path, int compression, int basket, Long64_t start, const char *notice, Run r) {
    TFile file(path, "RECREATE", "", compression);
    TTree head("RunHeader", "RunHeader");
    struct { Long64_t start; unsigned run, events; } one{start, r.events ? r.run[0] : 0, (unsigned)r.events};
    head.Branch("header", &one, "StartUtcNs/L:RunNumber/i:NEvents/i");
    head.Fill();
    head.Write();
    TNamed("SIMULATED", notice).Write();
    TTree tree("PhysicsEvent", "PhysicsEvent");
    tree.SetAutoFlush(0);
    struct { unsigned run, frame; int counter; unsigned mask; int n; } ev;
    int m;
    tree.Branch("ev", &ev, "RunNumber/i:FrameIndex/i:TriggerCounter/I:TriggerMask/i:NHits/I", basket);
    tree.Branch("Number", &m, "m/I", basket);
    TBranch *line = tree.Branch("Line", (void *)r.line, "Line[NHits]/b", basket);
    TBranch *floor = tree.Branch("Floor", (void *)r.floor, "Floor[NHits]/b", basket);
    TBranch *ars = tree.Branch("Ars", (void *)r.ars, "Ars[NHits]/b", basket);
    TBranch *time = tree.Branch("TimeStamp", (void *)r.time, "TimeStamp[m]/i", basket);
    TBranch *tvc = tree.Branch("Tvc", (void *)r.tvc, "Tvc[m]/b", basket);
    TBranch *avc = tree.Branch("Avc", (void *)r.avc, "Avc[m]/b", basket);
    TBranch *triggered = tree.Branch("Triggered", (void *)r.triggered, "Triggered[m]/b", basket);
    long o = 0;
    for (long i = 0; i < r.events; o += r.hits[i++]) {
        ev = {r.run[i], r.frame[i], r.counter[i], r.mask[i], r.hits[i]};
        m = r.hits[i];
        line->SetAddress((void *)(r.line + o));
        floor->SetAddress((void *)(r.floor + o));
        ars->SetAddress((void *)(r.ars + o));
        time->SetAddress((void *)(r.time + o));
        tvc->SetAddress((void *)(r.tvc + o));
        avc->SetAddress((void *)(r.avc + o));
        triggered->SetAddress((void *)(r.triggered + o));
        tree.Fill();
    }
    tree.Write();
    file.Close();
}

// The same with a vector of numbers per quantity.
inline void write_vectors(const char *path, int compression, int basket, Long64_t start, const char *notice, Run r) {
    TFile file(path, "RECREATE", "", compression);
    header(r.events ? r.run[0] : 0, start, r.events, notice);
    TTree tree("PhysicsEvent", "PhysicsEvent");
    tree.SetAutoFlush(0);
    unsigned run, frame, mask;
    int counter;
    std::vector<UChar_t> line, floor, ars, tvc, avc, triggered;
    std::vector<UInt_t> time;
    tree.Branch("RunNumber", &run, "r/i", basket);
    tree.Branch("FrameIndex", &frame, "f/i", basket);
    tree.Branch("TriggerCounter", &counter, "c/I", basket);
    tree.Branch("TriggerMask", &mask, "k/i", basket);
    tree.Branch("Line", &line, basket);
    tree.Branch("Floor", &floor, basket);
    tree.Branch("Ars", &ars, basket);
    tree.Branch("TimeStamp", &time, basket);
    tree.Branch("Tvc", &tvc, basket);
    tree.Branch("Avc", &avc, basket);
    tree.Branch("Triggered", &triggered, basket);
    long o = 0;
    for (long i = 0; i < r.events; o += r.hits[i++]) {
        run = r.run[i], frame = r.frame[i], counter = r.counter[i], mask = r.mask[i];
        long e = o + r.hits[i];
        line.assign(r.line + o, r.line + e), floor.assign(r.floor + o, r.floor + e), ars.assign(r.ars + o, r.ars + e);
        time.assign(r.time + o, r.time + e);
        tvc.assign(r.tvc + o, r.tvc + e), avc.assign(r.avc + o, r.avc + e), triggered.assign(r.triggered + o, r.triggered + e);
        tree.Fill();
    }
    tree.Write();
    file.Close();
}

// The same as a class that points to its arrays, split into its members.
struct RawEvent {
    UInt_t RunNumber, FrameIndex;
    Int_t TriggerCounter;
    UInt_t TriggerMask;
    Int_t NHits;
    UChar_t *Line;      //[NHits]
    UChar_t *Floor;     //[NHits]
    UChar_t *Ars;       //[NHits]
    UInt_t *TimeStamp;  //[NHits]
    UChar_t *Tvc;       //[NHits]
    UChar_t *Avc;       //[NHits]
    UChar_t *Triggered; //[NHits]
};

inline void write_pointers(const char *path, int compression, int basket, Long64_t start, const char *notice, Run r) {
    TFile file(path, "RECREATE", "", compression);
    header(r.events ? r.run[0] : 0, start, r.events, notice);
    TTree tree("PhysicsEvent", "PhysicsEvent");
    tree.SetAutoFlush(0);
    RawEvent event{}, *pointer = &event;
    tree.Branch("Event", &pointer, basket, 99);
    long o = 0;
    for (long i = 0; i < r.events; o += r.hits[i++]) {
        event = {r.run[i], r.frame[i], r.counter[i], r.mask[i], r.hits[i],
                 (UChar_t *)r.line + o, (UChar_t *)r.floor + o, (UChar_t *)r.ars + o, (UInt_t *)r.time + o,
                 (UChar_t *)r.tvc + o, (UChar_t *)r.avc + o, (UChar_t *)r.triggered + o};
        tree.Fill();
    }
    tree.Write();
    file.Close();
}

// Reads every branch entry by entry, as ROOT's users do; gives the entries.
inline long loop(const char *path) {
    TFile file(path);
    TTree *tree = (TTree *)file.Get("PhysicsEvent");
    long n = tree->GetEntries();
    for (long i = 0; i < n; i++) tree->GetEntry(i);
    return n;
}

// Prints "tree branch values sum weighted" for every branch of every tree: its values, and the sum of value x (position mod 1009), which tells a change of order.
inline void summarise(const char *path) {
    TFile file(path);
    for (TObject *object : *file.GetListOfKeys()) {
        TKey *key = (TKey *)object;
        // A tree that was saved on the way is listed twice.
        if (file.GetKey(key->GetName()) != key) continue;
        if (strcmp(key->GetClassName(), "TTree")) {
            printf("text %s %s\n", key->GetName(), key->ReadObj()->GetTitle());
            continue;
        }
        TTree *tree = (TTree *)key->ReadObj();
        printf("tree %s %lld\n", tree->GetName(), tree->GetEntries());
        for (TObject *one : *tree->GetListOfBranches()) {
            TBranch *branch = (TBranch *)one;
            TLeaf *leaf = (TLeaf *)branch->GetListOfLeaves()->At(0);
            long n = 0;
            double sum = 0, weighted = 0;
            for (Long64_t i = 0; i < tree->GetEntries(); i++) {
                // The number of elements stands in another branch, which must be read too.
                if (leaf->GetLeafCount()) leaf->GetLeafCount()->GetBranch()->GetEntry(i);
                branch->GetEntry(i);
                for (int j = 0; j < leaf->GetLen(); j++, n++) sum += leaf->GetValue(j), weighted += leaf->GetValue(j) * (n % 1009);
            }
            printf("branch %s %s %ld %.17g %.17g\n", tree->GetName(), branch->GetName(), n, sum, weighted);
        }
    }
    fflush(stdout);
}

#ifdef __ROOTCLING__
#pragma link C++ class SpeHit + ;
#pragma link C++ class std::vector < SpeHit> + ;
#pragma link C++ class RawEvent + ;
#pragma link C++ struct Run;
#pragma link C++ function header;
#pragma link C++ function write_leaves;
#pragma link C++ function write_structs;
#pragma link C++ function write_list;
#pragma link C++ function write_vectors;
#pragma link C++ function write_pointers;
#pragma link C++ function loop;
#pragma link C++ function summarise;
#endif

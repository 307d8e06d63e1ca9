"""Writes ``nested.root`` with real ROOT: vectors of vectors and of strings, and vectors of structures whole, object by object and member by member.

Run in the environment of tests/realroot; the values are those of ``expected`` below, which the test computes again.
"""

import pathlib
import sys
import tempfile

import ROOT

CODE = """
#pragma once
#include <string>
#include <vector>
#include "TFile.h"
#include "TTree.h"
#include "TVirtualStreamerInfo.h"
struct Pair { UChar_t Line; UInt_t Time; Double_t Charge; };
struct Holder { std::vector<Double_t> d; std::vector<std::vector<Int_t>> vi; std::vector<std::string> names; std::string text; Int_t fixed[3]; };
struct Element { std::vector<Double_t> d; std::vector<std::string> names; std::string text; std::vector<std::vector<Double_t>> vd; Float_t pair[2]; };
#ifdef __ROOTCLING__
#pragma link C++ class Pair+;
#pragma link C++ class std::vector<Pair>+;
#pragma link C++ class Holder+;
#pragma link C++ class Element+;
#pragma link C++ class std::vector<Element>+;
#pragma link C++ class std::vector<std::vector<std::vector<Double_t>>>+;
#pragma link C++ class std::vector<std::vector<std::string>>+;
#endif
std::string word(int k) { return k % 7 == 3 ? std::string(300, 'a' + k % 26) : std::string(k % 5, 'a' + k % 26); }
void fill(std::vector<Double_t>& v, int i, int n) { v.clear(); for (int k = 0; k < n; ++k) v.push_back(i + 0.5 * k); }
void fill(std::vector<std::string>& v, int i, int n) { v.clear(); for (int k = 0; k < n; ++k) v.push_back(word(i + k)); }
template <class T> void fill(std::vector<std::vector<T>>& v, int i, int n) { v.clear(); for (int k = 0; k < n; ++k) { v.emplace_back(); for (int j = 0; j < (i + k) % 3; ++j) v.back().push_back(T(10 * i + k + j)); } }
void fill(std::vector<std::vector<std::string>>& v, int i, int n) { v.clear(); for (int k = 0; k < n; ++k) { v.emplace_back(); fill(v.back(), i + k, (i + k) % 3); } }
void fill(std::vector<std::vector<std::vector<Double_t>>>& v, int i, int n) { v.clear(); for (int k = 0; k < n; ++k) { v.emplace_back(); fill(v.back(), i + k, (i + k) % 3); } }
void write(const char* path, int events) {
  TFile file(path, "RECREATE", "", 101);
  std::vector<Double_t> d; std::vector<std::vector<Double_t>> vd; std::vector<std::vector<Int_t>> vi; std::vector<std::string> vs; std::string s;
  std::vector<std::vector<std::string>> vvs; std::vector<std::vector<std::vector<Double_t>>> vvd; std::vector<Pair> pairs; Holder holder; std::vector<Element> elements; char text[400];
  auto go = [&](TTree& tree) {
    for (int i = 0; i < events; ++i) {
      int n = i % 4;
      fill(d, i, n); fill(vd, i, n); fill(vi, i, n); fill(vs, i, n); s = word(i); fill(vvs, i, n); fill(vvd, i, n); strcpy(text, word(i).c_str());
      pairs.clear(); for (int k = 0; k < n; ++k) pairs.push_back({UChar_t(i + k), UInt_t(1000 * i + k), 0.25 * i + k});
      fill(holder.d, i, n); fill(holder.vi, i, n); fill(holder.names, i, n); holder.text = word(i + 1); for (int k = 0; k < 3; ++k) holder.fixed[k] = i + k;
      elements.clear(); for (int k = 0; k < n; ++k) { elements.emplace_back(); Element& e = elements.back(); fill(e.d, i + k, (i + k) % 3); fill(e.names, i + k, (i + k) % 3); e.text = word(i + k); fill(e.vd, i + k, (i + k) % 3); e.pair[0] = i; e.pair[1] = k; }
      tree.Fill();
    }
    tree.Write();
  };
  { TTree tree("T", ""); tree.Branch("d", &d); tree.Branch("vd", &vd); tree.Branch("vi", &vi); tree.Branch("vs", &vs); tree.Branch("s", &s); tree.Branch("vvs", &vvs); tree.Branch("vvd", &vvd);
    tree.Branch("text", text, "text/C"); tree.Branch("holder.", &holder, 1500, 99); tree.Branch("elements", &elements, 1500, 99); tree.Branch("split", &pairs, 1500, 99); tree.Branch("one", &pairs, 1500, 1); tree.Branch("whole", &pairs, 1500, 0); go(tree); }
  { TVirtualStreamerInfo::SetStreamMemberWise(kFALSE); TTree tree("O", ""); tree.Branch("whole", &pairs, 1500, 0); tree.Branch("vd", &vd, 1500, 0); go(tree); TVirtualStreamerInfo::SetStreamMemberWise(kTRUE); }
}
"""


def main(path: str) -> None:
    ROOT.gROOT.SetBatch(True)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "nested.h"
        source.write_text(CODE)
        ROOT.gROOT.ProcessLine(f".L {source}+")
        ROOT.write(path, 40)


if __name__ == "__main__":
    main(sys.argv[1])

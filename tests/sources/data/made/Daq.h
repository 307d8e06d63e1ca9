// Classes of KM3NeT timeslices, written down again from the streamer infos of public DAQ files: same names, members, versions.
#include <vector>
#include "TBuffer.h"
#include "TObject.h"
namespace KM3NETDAQ {
struct JDAQAbstractPreamble { int length = 0; int type = 0; ClassDefNV(JDAQAbstractPreamble, 1); };
struct JDAQPreamble : public JDAQAbstractPreamble, public TObject { ClassDef(JDAQPreamble, 1); };
struct JDAQUTCExtended { unsigned int UTC_seconds = 0; unsigned int UTC_16nanosecondcycles = 0; ClassDefNV(JDAQUTCExtended, 1); };
struct JDAQChronometer { int detector_id = 0; int run = 0; int frame_index = 0; JDAQUTCExtended timeslice_start; ClassDefNV(JDAQChronometer, 3); };
struct JDAQHeader : public JDAQChronometer { ClassDefNV(JDAQHeader, 2); };
struct JDAQModuleIdentifier { int id = 0; ClassDefNV(JDAQModuleIdentifier, 1); };
struct JDAQFrameStatus { int daq = 0; int status = 0; int fifo = 0; int status_3 = 0; int status_4 = 0; ClassDefNV(JDAQFrameStatus, 1); };
struct JDAQSuperFrameHeader : public JDAQHeader, public JDAQModuleIdentifier, public JDAQFrameStatus { ClassDefNV(JDAQSuperFrameHeader, 2); };
struct JDAQHit { unsigned char pmt = 0; unsigned int tdc = 0; unsigned char tot = 0; ClassDefNV(JDAQHit, 2); };
struct JDAQFrame {
  int numberOfHits = 0;
  JDAQHit* buffer = new JDAQHit[1]; //[numberOfHits]
  JDAQFrame() {}
  JDAQFrame(const JDAQFrame& o) { *this = o; }
  JDAQFrame& operator=(const JDAQFrame& o) {
    delete[] buffer;
    numberOfHits = o.numberOfHits;
    buffer = new JDAQHit[numberOfHits + 1];
    for (int i = 0; i < numberOfHits; i++) buffer[i] = o.buffer[i];
    return *this;
  }
  void fill(int n, int entry) {
    delete[] buffer;
    numberOfHits = n;
    buffer = new JDAQHit[n + 1];
    for (int i = 0; i < n; i++) { buffer[i].pmt = i % 31; buffer[i].tdc = 1000000 * entry + 17 * i; buffer[i].tot = 20 + i; }
  }
  ~JDAQFrame() { delete[] buffer; }
  ClassDefNV(JDAQFrame, 1);
};
struct JDAQSuperFrame : public JDAQPreamble, public JDAQSuperFrameHeader, public JDAQFrame { ClassDef(JDAQSuperFrame, 3); };
struct JDAQTimesliceHeader : public JDAQHeader { ClassDefNV(JDAQTimesliceHeader, 2); };
struct JDAQTimeslice : public JDAQPreamble, public JDAQTimesliceHeader, public std::vector<JDAQSuperFrame> { ClassDef(JDAQTimeslice, 4); };
}

// The two streamers that Jpp writes by hand, as their bytes in public files show: the preamble without block, the hit as it lies in memory.
#include "Daq.h"
#include <cstring>
void KM3NETDAQ::JDAQPreamble::Streamer(TBuffer& b) {
  if (b.IsReading()) { b >> length >> type; } else { b << length << type; }
}
void KM3NETDAQ::JDAQHit::Streamer(TBuffer& b) {
  char x[6];
  if (b.IsReading()) {
    b.ReadFastArray(x, 6); pmt = x[0]; memcpy(&tdc, x + 1, 4); tot = x[5];
  } else {
    x[0] = pmt; memcpy(x + 1, &tdc, 4); x[5] = tot; b.WriteFastArray(x, 6);
  }
}

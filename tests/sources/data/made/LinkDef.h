#ifdef __CLING__
#pragma link off all globals;
#pragma link off all classes;
#pragma link off all functions;
#pragma link C++ namespace KM3NETDAQ;
#pragma link C++ class KM3NETDAQ::JDAQAbstractPreamble+;
#pragma link C++ class KM3NETDAQ::JDAQPreamble-;
#pragma link C++ class KM3NETDAQ::JDAQUTCExtended+;
#pragma link C++ class KM3NETDAQ::JDAQChronometer+;
#pragma link C++ class KM3NETDAQ::JDAQHeader+;
#pragma link C++ class KM3NETDAQ::JDAQModuleIdentifier+;
#pragma link C++ class KM3NETDAQ::JDAQFrameStatus+;
#pragma link C++ class KM3NETDAQ::JDAQSuperFrameHeader+;
#pragma link C++ class KM3NETDAQ::JDAQHit-;
#pragma link C++ class KM3NETDAQ::JDAQFrame+;
#pragma link C++ class KM3NETDAQ::JDAQSuperFrame+;
#pragma link C++ class std::vector<KM3NETDAQ::JDAQSuperFrame>+;
#pragma link C++ class KM3NETDAQ::JDAQTimesliceHeader+;
#pragma link C++ class KM3NETDAQ::JDAQTimeslice+;
#endif

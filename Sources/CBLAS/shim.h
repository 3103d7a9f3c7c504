// The system's CBLAS (Debian: libopenblas-dev). Only the header is ours.
#include <cblas.h>

// The system's Cairo (Debian: libcairo2-dev). Only the header is ours.
#include <cairo/cairo.h>

#ifndef CBOX2D_H
#define CBOX2D_H
#endif

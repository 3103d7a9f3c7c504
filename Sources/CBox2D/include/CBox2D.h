// A C face for the few parts of Box2D 2.4 that the environments use, because Swift cannot see into its C++ classes.
// It decides nothing: bodies, forces and their order are the caller's. All lengths in metres, angles in radians.
#ifndef CBOX2D_H
#define CBOX2D_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A world and its bodies. Not for use by two threads at once; two worlds share nothing that influences motion.
typedef struct CBox2DWorld CBox2DWorld;

/// A body of a world: 0, 1, 2, … in the order of creation.
typedef int32_t CBox2DBodyIndex;

typedef struct {
  float x, y;                    // the origin of the body, not its centre of mass
  float angle;
  float velocityX, velocityY;    // of the centre of mass
  float angularVelocity;
  bool awake;
  bool touching;                 // whether the body's latest contact event was a beginning
  bool hasTouched;               // whether any contact ever began
} CBox2DBodyState;

typedef struct {
  float density, friction;
  uint16_t categoryBits, maskBits;
} CBox2DMaterial;

typedef struct {
  CBox2DBodyIndex bodyA, bodyB;
  float anchorAX, anchorAY, anchorBX, anchorBY;  // in the frame of each body
  float referenceAngle;                          // angle of B minus angle of A that counts as zero
  float lowerAngle, upperAngle;
  float motorSpeed, maximumMotorTorque;
  bool plainSolver;                              // Box2D's own, the twin of ours: the same bits, in more time
} CBox2DRevoluteJoint;

CBox2DWorld *cbox2d_world_create(float gravityX, float gravityY);
void cbox2d_world_destroy(CBox2DWorld *world);

/// Adds a body without fixtures; dynamic, or static.
CBox2DBodyIndex cbox2d_add_body(CBox2DWorld *world, bool isDynamic, float x, float y, float angle);
void cbox2d_add_edge(
    CBox2DWorld *world, CBox2DBodyIndex body, float x1, float y1, float x2, float y2, CBox2DMaterial material);
/// A convex polygon of 3 to 8 corners; `corners` holds x, y for each.
void cbox2d_add_polygon(
    CBox2DWorld *world, CBox2DBodyIndex body, const float *corners, int32_t cornerCount, CBox2DMaterial material);
void cbox2d_add_box(
    CBox2DWorld *world, CBox2DBodyIndex body, float halfWidth, float halfHeight, CBox2DMaterial material);
/// A joint with limits and a motor, both on.
void cbox2d_add_revolute_joint(CBox2DWorld *world, const CBox2DRevoluteJoint *joint);

/// These wake the body.
void cbox2d_apply_force_to_center(CBox2DWorld *world, CBox2DBodyIndex body, float x, float y);
void cbox2d_apply_torque(CBox2DWorld *world, CBox2DBodyIndex body, float torque);
void cbox2d_apply_linear_impulse(
    CBox2DWorld *world, CBox2DBodyIndex body, float x, float y, float pointX, float pointY);

void cbox2d_step(CBox2DWorld *world, float duration, int32_t velocityIterations, int32_t positionIterations);

CBox2DBodyState cbox2d_body_state(const CBox2DWorld *world, CBox2DBodyIndex body);

#ifdef __cplusplus
}
#endif
#endif

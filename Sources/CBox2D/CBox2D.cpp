// The C face over Box2D's C++ classes; see the header.
#include "CBox2D.h"

#include <box2d/box2d.h>

#include "RevoluteJoint.h"

#include <cassert>
#include <initializer_list>

namespace {

constexpr int32_t maximumBodies = 8;

struct Body {
  b2Body *body = nullptr;
  bool touching = false;
  bool hasTouched = false;
};

Body &owner(b2Fixture *fixture) {
  return *reinterpret_cast<Body *>(fixture->GetBody()->GetUserData().pointer);
}

b2FixtureDef definition(const b2Shape &shape, const CBox2DMaterial &material) {
  b2FixtureDef fixture;
  fixture.shape = &shape;
  fixture.density = material.density;
  fixture.friction = material.friction;
  fixture.restitution = 0;
  fixture.filter.categoryBits = material.categoryBits;
  fixture.filter.maskBits = material.maskBits;
  return fixture;
}

}  // namespace

struct CBox2DWorld final : b2ContactListener {
  Body bodies[maximumBodies];
  int32_t bodyCount = 0;
  b2World world;

  explicit CBox2DWorld(b2Vec2 gravity) : world(gravity) { world.SetContactListener(this); }

  void BeginContact(b2Contact *contact) override {
    for (Body *body : {&owner(contact->GetFixtureA()), &owner(contact->GetFixtureB())}) {
      body->touching = true;
      body->hasTouched = true;
    }
  }

  void EndContact(b2Contact *contact) override {
    owner(contact->GetFixtureA()).touching = false;
    owner(contact->GetFixtureB()).touching = false;
  }

  b2Body *at(CBox2DBodyIndex index) const {
    assert(index >= 0 && index < bodyCount);
    return bodies[index].body;
  }
};

CBox2DWorld *cbox2d_world_create(float gravityX, float gravityY) {
  return new CBox2DWorld(b2Vec2(gravityX, gravityY));
}

void cbox2d_world_destroy(CBox2DWorld *world) { delete world; }

CBox2DBodyIndex cbox2d_add_body(CBox2DWorld *world, bool isDynamic, float x, float y, float angle) {
  assert(world->bodyCount < maximumBodies);
  Body &body = world->bodies[world->bodyCount];
  b2BodyDef definition;
  definition.type = isDynamic ? b2_dynamicBody : b2_staticBody;
  definition.position.Set(x, y);
  definition.angle = angle;
  definition.userData.pointer = reinterpret_cast<uintptr_t>(&body);
  body.body = world->world.CreateBody(&definition);
  return world->bodyCount++;
}

void cbox2d_add_edge(
    CBox2DWorld *world, CBox2DBodyIndex body, float x1, float y1, float x2, float y2, CBox2DMaterial material) {
  b2EdgeShape shape;
  shape.SetTwoSided(b2Vec2(x1, y1), b2Vec2(x2, y2));
  const b2FixtureDef fixture = definition(shape, material);
  world->at(body)->CreateFixture(&fixture);
}

void cbox2d_add_polygon(
    CBox2DWorld *world, CBox2DBodyIndex body, const float *corners, int32_t cornerCount, CBox2DMaterial material) {
  assert(cornerCount >= 3 && cornerCount <= b2_maxPolygonVertices);
  b2Vec2 points[b2_maxPolygonVertices];
  for (int32_t i = 0; i < cornerCount; ++i) points[i].Set(corners[2 * i], corners[2 * i + 1]);
  b2PolygonShape shape;
  shape.Set(points, cornerCount);
  const b2FixtureDef fixture = definition(shape, material);
  world->at(body)->CreateFixture(&fixture);
}

void cbox2d_add_box(
    CBox2DWorld *world, CBox2DBodyIndex body, float halfWidth, float halfHeight, CBox2DMaterial material) {
  b2PolygonShape shape;
  shape.SetAsBox(halfWidth, halfHeight);
  const b2FixtureDef fixture = definition(shape, material);
  world->at(body)->CreateFixture(&fixture);
}

void cbox2d_add_revolute_joint(CBox2DWorld *world, const CBox2DRevoluteJoint *joint) {
  b2RevoluteJointDef definition;
  definition.bodyA = world->at(joint->bodyA);
  definition.bodyB = world->at(joint->bodyB);
  definition.localAnchorA.Set(joint->anchorAX, joint->anchorAY);
  definition.localAnchorB.Set(joint->anchorBX, joint->anchorBY);
  definition.referenceAngle = joint->referenceAngle;
  definition.enableLimit = true;
  definition.lowerAngle = joint->lowerAngle;
  definition.upperAngle = joint->upperAngle;
  definition.enableMotor = true;
  definition.motorSpeed = joint->motorSpeed;
  definition.maxMotorTorque = joint->maximumMotorTorque;
  b2Joint *made = world->world.CreateJoint(&definition);
  if (!joint->plainSolver) RevoluteJoint::replace(static_cast<b2RevoluteJoint *>(made));
}

void cbox2d_apply_force_to_center(CBox2DWorld *world, CBox2DBodyIndex body, float x, float y) {
  world->at(body)->ApplyForceToCenter(b2Vec2(x, y), true);
}

void cbox2d_apply_torque(CBox2DWorld *world, CBox2DBodyIndex body, float torque) {
  world->at(body)->ApplyTorque(torque, true);
}

void cbox2d_apply_linear_impulse(
    CBox2DWorld *world, CBox2DBodyIndex body, float x, float y, float pointX, float pointY) {
  world->at(body)->ApplyLinearImpulse(b2Vec2(x, y), b2Vec2(pointX, pointY), true);
}

void cbox2d_step(CBox2DWorld *world, float duration, int32_t velocityIterations, int32_t positionIterations) {
  world->world.Step(duration, velocityIterations, positionIterations);
}

CBox2DBodyState cbox2d_body_state(const CBox2DWorld *world, CBox2DBodyIndex index) {
  const b2Body *body = world->at(index);
  CBox2DBodyState state;
  state.x = body->GetPosition().x;
  state.y = body->GetPosition().y;
  state.angle = body->GetAngle();
  state.velocityX = body->GetLinearVelocity().x;
  state.velocityY = body->GetLinearVelocity().y;
  state.angularVelocity = body->GetAngularVelocity();
  state.awake = body->IsAwake();
  state.touching = world->bodies[index].touching;
  state.hasTouched = world->bodies[index].hasTouched;
  return state;
}

// Box2D's revolute joint with a velocity solver of our own: the same operations in the same order, hence the same bits,
// in less time. LunarLander asks for 180 velocity iterations over two joints, so this one function is most of its step.
#pragma once

#include <box2d/box2d.h>

#include <new>

/// Box2D runs motor, lower limit, upper limit and anchor one after the other, each waiting for the angular velocities that
/// the one before left. But a saturated motor and a limit that is not reached leave them as they were: their impulse does
/// not change. Here that is a branch. The processor predicts it, and what follows no longer waits.
class RevoluteJoint final : public b2RevoluteJoint {
 public:
  /// Puts itself in the place of a joint that `b2World::CreateJoint` made and linked. No member is added, and Box2D destroys
  /// a joint by its type through the virtual destructor, so that it need not know.
  static void replace(b2RevoluteJoint *joint) {
    const b2RevoluteJoint original = *joint;
    new (joint) RevoluteJoint(original);
  }

 private:
  explicit RevoluteJoint(const b2RevoluteJoint &original) : b2RevoluteJoint(original) {}

  /// One iteration of the sequential impulses (Catto, "Iterative Dynamics with Temporal Coherence", GDC 2005), in the order
  /// of operations of Box2D 2.4's `b2RevoluteJoint::SolveVelocityConstraints`.
  void SolveVelocityConstraints(const b2SolverData &data) override {
    b2Velocity &a = data.velocities[m_indexA], &b = data.velocities[m_indexB];
    float wA = a.w, wB = b.w;
    // Moves the accumulated angular impulse `total` to `next`; it acts on body B with `sign`, on A against it.
    const auto apply = [&](float &total, float next, float sign) {
      if (next == total) return;
      const float impulse = sign * (next - total);
      total = next;
      wA -= m_invIA * impulse;
      wB += m_invIB * impulse;
    };
    if (m_invIA + m_invIB != 0) {
      if (m_enableMotor) {
        const float limit = data.step.dt * m_maxMotorTorque;
        const float impulse = -m_axialMass * (wB - wA - m_motorSpeed);
        apply(m_motorImpulse, b2Clamp(m_motorImpulse + impulse, -limit, limit), 1);
      }
      if (m_enableLimit) {
        const float below = b2Max(m_angle - m_lowerAngle, 0.0f) * data.step.inv_dt;
        apply(m_lowerImpulse, b2Max(m_lowerImpulse + -m_axialMass * (wB - wA + below), 0.0f), 1);
        const float above = b2Max(m_upperAngle - m_angle, 0.0f) * data.step.inv_dt;
        apply(m_upperImpulse, b2Max(m_upperImpulse + -m_axialMass * (wA - wB + above), 0.0f), -1);
      }
    }
    const b2Vec2 slip = b.v + b2Cross(wB, m_rB) - a.v - b2Cross(wA, m_rA);
    const b2Vec2 impulse = m_K.Solve(-slip);
    m_impulse += impulse;
    a.v -= m_invMassA * impulse;
    a.w = wA - m_invIA * b2Cross(m_rA, impulse);
    b.v += m_invMassB * impulse;
    b.w = wB + m_invIB * b2Cross(m_rB, impulse);
  }
};

static_assert(sizeof(RevoluteJoint) == sizeof(b2RevoluteJoint), "it takes the place of Box2D's own");

/// Our joint solver beside its plain twin, Box2D's own.
import CBox2D
import Randomness
import Testing

@Suite struct RevoluteJointTests {
  /// A hull on two sprung legs, thrown about by random forces over an edge: in flight, at the limits, in contact, at rest.
  private final class Walker {
    let world: OpaquePointer
    private(set) var bodies: [CBox2DBodyIndex] = []

    init(plainSolver: Bool) throws {
      world = try #require(cbox2d_world_create(0, -10))
      let material = CBox2DMaterial(density: 1, friction: 0.2, categoryBits: 1, maskBits: 0xffff)
      let ground = cbox2d_add_body(world, false, 0, 0, 0), hull = cbox2d_add_body(world, true, 0, 5, 0)
      cbox2d_add_edge(world, ground, -1000, 0, 1000, 0, material)
      cbox2d_add_box(world, hull, 0.5, 0.3, CBox2DMaterial(density: 5, friction: 0.1, categoryBits: 2, maskBits: 1))
      bodies = [hull]
      for side: Float in [-1, 1] {
        let leg = cbox2d_add_body(world, true, -side * 0.6, 5, side * 0.05)
        cbox2d_add_box(world, leg, 0.07, 0.27, CBox2DMaterial(density: 1, friction: 0.2, categoryBits: 4, maskBits: 1))
        var joint = CBox2DRevoluteJoint(
          bodyA: hull, bodyB: leg, anchorAX: 0, anchorAY: 0, anchorBX: side * 0.6, anchorBY: 0.6, referenceAngle: side * 0.05,
          lowerAngle: side < 0 ? 0.4 : -0.9, upperAngle: side < 0 ? 0.9 : -0.4, motorSpeed: 0.3 * side, maximumMotorTorque: 40,
          plainSolver: plainSolver)
        cbox2d_add_revolute_joint(world, &joint)
        bodies.append(leg)
      }
    }
    deinit { cbox2d_world_destroy(world) }

    func step(force: (Float, Float), torque: Float) -> [UInt32] {
      cbox2d_apply_force_to_center(world, bodies[0], force.0, force.1)
      cbox2d_apply_torque(world, bodies[0], torque)
      cbox2d_step(world, 0.02, 180, 60)
      return bodies.flatMap { body -> [UInt32] in
        let state = cbox2d_body_state(world, body)
        let values = [state.x, state.y, state.angle, state.velocityX, state.velocityY, state.angularVelocity]
        return values.map(\.bitPattern) + [state.touching ? 1 : 0]
      }
    }
  }

  @Test(arguments: UInt64(0)..<8) func sameBitsAsBox2D(seed: UInt64) throws {
    let ours = try Walker(plainSolver: false), plain = try Walker(plainSolver: true)
    var generator = NumPyGenerator(seed: seed)
    var (touched, flew) = (0, 0)
    for step in 0..<400 {
      let strength = step % 100 < 50 ? 40.0 : 0
      let force = (Float(generator.uniform(-strength, strength)), Float(generator.uniform(0, strength)))
      let torque = Float(generator.uniform(-20, 20))
      let (a, b) = (ours.step(force: force, torque: torque), plain.step(force: force, torque: torque))
      try #require(a == b, "step \(step)")
      if [a[6], a[13], a[20]].contains(1) { touched += 1 } else { flew += 1 }
    }
    #expect(touched > 20 && flew > 20, "both in contact and in flight")
  }
}

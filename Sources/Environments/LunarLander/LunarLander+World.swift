/// What LunarLander's world is made of: the moon, the lander, two legs on springs. The order of every draw and every
/// creation is Gymnasium's; it decides the order in which Box2D solves.
import CBox2D
import Randomness

extension LunarLander {
  /// Metres (Gymnasium's pixels divided by its scale of 30), seconds.
  enum Geometry {
    static let scale = 30.0
    static let framesPerSecond = 50.0
    static let width = 600 / scale
    static let height = 400 / scale
    static let padHeight = height / 4
    /// The picture goes on above Gymnasium's, where every episode begins.
    static let skyHeight = 1.125 * height
    /// Between the flags.
    static let padLeft = 0.4 * width
    static let padRight = 0.6 * width
    static let legAway = 20 / scale
    static let legDown = 18 / scale
    static let legHalfSize = (width: Float(2 / scale), height: Float(8 / scale))
    static let hull: [Double] = [-14, 17, -17, 0, -17, -10, 17, -10, 17, 0, 14, 17]
    static let mainEngineDown = 4 / scale
    static let sideEngineUp = 14 / scale
    static let sideEngineAway = 12 / scale
    /// Gymnasium's 17 beside its side engine height of 14: the slip makes the torque depend on the angle; kept.
    static let sideEngineSlip = 17 / scale
  }

  enum Collisions {
    static let ground: UInt16 = 0x0001
    static let hull: UInt16 = 0x0010
    static let leg: UInt16 = 0x0020
    static let everything: UInt16 = 0xffff
  }

  /// The draws behind a landscape, and the corner heights made from them.
  package struct Terrain: Equatable, Sendable {
    static let edgeCount = 10
    /// Twelve heights, as drawn.
    package let draws: [Double]
    /// Eleven corner heights, left to right.
    package let corners: [Double]

    init(_ generator: inout NumPyGenerator) {
      let draws = (0..<Self.edgeCount + 2).map { _ in generator.uniform(0, Geometry.height / 2) }
      var heights = draws
      for index in 3...7 { heights[index] = Geometry.padHeight }
      self.draws = draws
      // Each corner is about the mean of three; left of the first stands the last, as in Python.
      corners = (0...Self.edgeCount).map { index in
        0.33 * (heights[index == 0 ? heights.count - 1 : index - 1] + heights[index] + heights[index + 1])
      }
    }
  }

  /// The bodies of one episode. Owns the Box2D world.
  final class World {
    let terrain: Terrain
    /// What stands still in the episode's picture.
    private(set) lazy var landscape = LunarLander.landscape(of: terrain)
    let initialForce: (x: Double, y: Double)
    let box2D: OpaquePointer
    let landerIndex: CBox2DBodyIndex
    private let legIndices: (left: CBox2DBodyIndex, right: CBox2DBodyIndex)

    /// - Parameter drawWind: draws what belongs between the initial force and the legs.
    init(gravity: Double, generator: inout NumPyGenerator, drawWind: (inout NumPyGenerator) -> Void) {
      guard let box2D = cbox2d_world_create(0, Float(gravity)) else { preconditionFailure("Box2D gave no world") }
      self.box2D = box2D

      terrain = Terrain(&generator)
      let moon = cbox2d_add_body(box2D, false, 0, 0, 0)
      let ground = CBox2DMaterial(
        density: 0, friction: 0.1, categoryBits: Collisions.ground, maskBits: Collisions.everything)
      var bedrock = ground
      bedrock.friction = 0.2
      cbox2d_add_edge(box2D, moon, 0, 0, Float(Geometry.width), 0, bedrock)
      let edgeWidth = Geometry.width / Double(Terrain.edgeCount)
      for edge in 0..<Terrain.edgeCount {
        cbox2d_add_edge(
          box2D, moon, Float(edgeWidth * Double(edge)), Float(terrain.corners[edge]), Float(edgeWidth * Double(edge + 1)),
          Float(terrain.corners[edge + 1]), ground)
      }

      let (startX, startY) = (Geometry.width / 2, Geometry.height)
      let lander = cbox2d_add_body(box2D, true, Float(startX), Float(startY), 0)
      landerIndex = lander
      let hull = Geometry.hull.map { Float($0 / Geometry.scale) }
      cbox2d_add_polygon(
        box2D, lander, hull, Int32(hull.count / 2),
        CBox2DMaterial(density: 5, friction: 0.1, categoryBits: Collisions.hull, maskBits: Collisions.ground))
      let (forceX, forceY) = (generator.uniform(-1000, 1000), generator.uniform(-1000, 1000))
      initialForce = (forceX, forceY)
      cbox2d_apply_force_to_center(box2D, lander, Float(forceX), Float(forceY))
      drawWind(&generator)

      func addLeg(side: Double) -> CBox2DBodyIndex {
        let angle = Float(side * 0.05)
        let leg = cbox2d_add_body(box2D, true, Float(startX - side * Geometry.legAway), Float(startY), angle)
        cbox2d_add_box(
          box2D, leg, Geometry.legHalfSize.width, Geometry.legHalfSize.height,
          CBox2DMaterial(density: 1, friction: 0.2, categoryBits: Collisions.leg, maskBits: Collisions.ground))
        // The motor is the leg's spring; pybox2d takes the angle at creation as the joint's zero.
        var joint = CBox2DRevoluteJoint(
          bodyA: lander, bodyB: leg, anchorAX: 0, anchorAY: 0, anchorBX: Float(side * Geometry.legAway),
          anchorBY: Float(Geometry.legDown), referenceAngle: angle, lowerAngle: side < 0 ? Float(0.9 - 0.5) : -0.9,
          upperAngle: side < 0 ? 0.9 : Float(-0.9 + 0.5), motorSpeed: Float(0.3 * side), maximumMotorTorque: 40,
          plainSolver: false)
        cbox2d_add_revolute_joint(box2D, &joint)
        return leg
      }
      // Two statements, because their order matters.
      let left = addLeg(side: -1)
      let right = addLeg(side: 1)
      legIndices = (left, right)
    }

    deinit { cbox2d_world_destroy(box2D) }

    var lander: CBox2DBodyState { cbox2d_body_state(box2D, landerIndex) }
    var legs: (left: CBox2DBodyState, right: CBox2DBodyState) {
      (cbox2d_body_state(box2D, legIndices.left), cbox2d_body_state(box2D, legIndices.right))
    }

    func step() { cbox2d_step(box2D, Float(1 / Geometry.framesPerSecond), 180, 60) }
  }

  /// The landscape of the current episode; nil before the first.
  package var terrain: Terrain? { world?.terrain }

  /// The force that throws the lander into the current episode, N.
  package var initialForce: (x: Double, y: Double)? { world?.initialForce }
}

/// highway-env's `highway-v0` and `highway-fast-v0`, native and step for step. This file is the episode: start, actions,
/// reward, ends. The road is in `Road.swift`, a vehicle's motion in `Vehicle.swift`, the other drivers in `IDM.swift` and
/// `MOBIL.swift`, crashes in `Collision.swift`, the observation in `Highway+Observation.swift`.
import Randomness

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Drive fast, right, and into nobody.
///
/// Follows highway-env 1.12.1 draw for draw and operation for operation in float64: observations equal the original's bit
/// for bit. The observation is 5 vehicles × (presence, x, y, vx, vy), the agent's own first, absolute and scaled to
/// [-1, 1]; the others relative to it, nearest first. A value type: a copy is an episode that goes its own way.
public struct Highway: Environment {
  /// highway-env's five actions; none is ever forbidden. `LANE_RIGHT` is towards larger y.
  public enum Action: Int, CaseIterable, Sendable {
    /// One lane towards smaller y; keep on; one lane towards larger y; the next higher, the next lower target speed.
    case laneLeft, idle, laneRight, faster, slower
  }

  /// What it was made with.
  public let options: HighwayOptions
  /// [vehicles, features], the agent first, as highway-env's `Kinematics`.
  public let observationSpace = BoxSpace(
    shape: [observedVehicles, features],
    low: [Float](repeating: -.infinity, count: observedVehicles * features),
    high: [Float](repeating: .infinity, count: observedVehicles * features))
  /// highway-env's `DiscreteMetaAction`.
  public let actionSpace = DiscreteSpace(names: ["LANE_LEFT", "IDLE", "LANE_RIGHT", "FASTER", "SLOWER"])

  package var traffic: Traffic
  private var generator = NumPyGenerator(seed: 0)
  private var time = 0.0

  /// A road that is empty until the first reset.
  public init(options: HighwayOptions = .highway) {
    precondition(
      options.laneCount > 0 && options.otherVehicleCount >= 0 && options.policyFrequency > 0
        && options.simulationFrequency >= options.policyFrequency && options.vehicleDensity > 0,
      "no road can be built from \(options)")
    self.options = options
    traffic = Traffic(road: Road(laneCount: options.laneCount))
  }

  public var speed: Double? { traffic.vehicles.first?.speed }

  // MARK: - Start

  public mutating func reset(seed: UInt64?, into observation: UnsafeMutableBufferPointer<Float>) {
    if let seed { generator = NumPyGenerator(seed: seed) }
    time = 0
    traffic.removeAll()
    var ego = spawn(speed: 25, spacing: options.egoSpacing)
    ego.targetSpeed = Self.cruisingSpeed(speedIndex(ego.targetSpeed))
    traffic.add(ego)
    for _ in 0..<options.otherVehicleCount {
      var other = spawn(speed: nil, spacing: 1 / options.vehicleDensity)
      other.laneChangeTimer = pythonModulo((other.x + other.y) * .pi, MOBIL.delay)
      other.idmExponent = generator.uniform(3.5, 4.5)
      traffic.add(other)
    }
    traffic.sort()
    observe(into: observation)
  }

  /// A vehicle ahead of all others, in a random lane (`Vehicle.create_random`).
  private mutating func spawn(speed given: Double?, spacing: Double) -> Vehicle {
    let lane = generator.choice(options.laneCount)
    let speed = given ?? generator.uniform(0.7 * Road.speedLimit, 0.8 * Road.speedLimit)
    let offset = spacing * (12 + 1.0 * speed) * exp(-5.0 / 40 * Double(options.laneCount))
    // The last one spawned is the foremost.
    let foremost = traffic.vehicles.last?.x ?? 3 * offset
    let x = foremost + offset * generator.uniform(0.9, 1.1)
    return Vehicle(x: x, y: Road.centre(ofLane: lane), speed: speed, on: traffic.road)
  }

  // MARK: - Step

  public mutating func step(_ action: Int, into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    begin(action)
    for _ in 0..<framesPerStep { simulate(frameDuration) }
    return end(into: observation)
  }

  /// A step is `begin`, as many frames as `framesPerStep`, and `end`.
  mutating func begin(_ action: Int) {
    guard let action = Action(rawValue: action) else {
      preconditionFailure("action \(action) is not one of highway's 0 ..< \(actionSpace.count)")
    }
    precondition(!traffic.vehicles.isEmpty, "reset Highway before its first step")
    time += 1 / Double(options.policyFrequency)
    take(action)
  }
  var framesPerStep: Int { options.simulationFrequency / options.policyFrequency }
  var frameDuration: Double { 1 / Double(options.simulationFrequency) }
  func end(into observation: UnsafeMutableBufferPointer<Float>) -> Step {
    observe(into: observation)
    return Step(reward: reward(), terminated: traffic.vehicles[0].isCrashed, truncated: time >= options.duration)
  }

  /// The agent's action changes what its vehicle aims at; the controllers do the rest.
  private mutating func take(_ action: Action) {
    var ego = traffic.vehicles[0]
    switch action {
    case .laneLeft, .laneRight:
      let lane = min(max(ego.targetLane + (action == .laneRight ? 1 : -1), 0), options.laneCount - 1)
      if Road.canReach(lane: lane, x: ego.x, y: ego.y) { ego.targetLane = lane }
    case .faster: ego.targetSpeed = Self.cruisingSpeed(speedIndex(ego.speed) + 1)
    case .slower: ego.targetSpeed = Self.cruisingSpeed(speedIndex(ego.speed) - 1)
    case .idle: break
    }
    traffic.vehicles[0] = ego
  }

  /// One frame: all decide in order, then all move, then they crash.
  mutating func simulate(_ dt: Double) {
    traffic.vehicles[0].steering = traffic.vehicles[0].steeringToTargetLane()
    traffic.vehicles[0].acceleration = traffic.vehicles[0].accelerationToTargetSpeed()
    traffic.withScene { scene in
      for index in 1..<scene.vehicles.count { scene.drive(index) }
      for index in scene.vehicles.indices {
        if index > 0 { scene.vehicles[index].laneChangeTimer += dt }
        scene.vehicles[index].move(dt, on: scene.road)
      }
    }
    traffic.sort()
    traffic.collide(dt, everybody: options.othersCollide)
  }

  /// The index of the cruising speed closest to a speed; halves go to the even one, as in Python.
  private func speedIndex(_ speed: Double) -> Int {
    let position = ((speed - 20) / (30 - 20) * 2).rounded(.toNearestOrEven)
    return Int(clip(position, 0, 2))
  }

  /// 20, 25 or 30 m/s.
  private static func cruisingSpeed(_ index: Int) -> Double { 20 + 5 * Double(min(max(index, 0), 2)) }

  // MARK: - Reward

  /// Term by term in highway-env's order, then scaled so that crashing at once is 0 and the fastest right lane 1.
  private func reward() -> Double {
    let ego = traffic.vehicles[0]
    let isOnRoad = Road.isOn(lane: ego.lane, x: ego.x, y: ego.y, margin: 0)
    let range = options.rewardSpeedRange
    let forwardSpeed = ego.speed * ego.cosHeading
    let scaledSpeed = 0 + (forwardSpeed - range.lowerBound) * (1 - 0) / (range.upperBound - range.lowerBound)
    var reward = 0 + options.collisionReward * (ego.isCrashed ? 1 : 0)
    reward += options.rightLaneReward * (Double(ego.targetLane) / Double(max(options.laneCount - 1, 1)))
    reward += options.highSpeedReward * clip(scaledSpeed, 0, 1)
    let best = options.highSpeedReward + options.rightLaneReward
    reward = 0 + (reward - options.collisionReward) * (1 - 0) / (best - options.collisionReward)
    return reward * (isOnRoad ? 1 : 0)
  }
}

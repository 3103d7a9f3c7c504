/// What can be varied about the highway, with highway-env's names and defaults, and its two named configurations.

public struct HighwayOptions: Codable, Equatable, Sendable {
  /// Side by side, all in one direction.
  public var laneCount = 4
  /// Vehicles beside the agent's.
  public var otherVehicleCount = 50
  /// Frames a second.
  public var simulationFrequency = 15
  /// Actions a second.
  public var policyFrequency = 1
  /// Seconds after which an episode is truncated.
  public var duration = 40.0
  /// Spacing ahead of the agent's vehicle at the start, in units of the default spacing.
  public var egoSpacing = 2.0
  /// One over the spacing of the others at the start, in units of the default spacing; above 0.
  public var vehicleDensity = 1.0
  /// Whether the others can crash into each other; the agent's vehicle always can.
  public var othersCollide = true
  /// Of a crash, before a step's reward is scaled to 0 … 1.
  public var collisionReward = -1.0
  /// For the rightmost lane; proportionally less further left.
  public var rightLaneReward = 0.1
  /// At the upper end of `rewardSpeedRange`; proportionally less below.
  public var highSpeedReward = 0.4
  /// m/s.
  public var rewardSpeedRange = 20.0...30.0

  /// `highway-v0`.
  public static let highway = HighwayOptions()

  /// `highway-fast-v0`: a third of the frames, fewer vehicles and lanes, and only the agent's collisions.
  public static let highwayFast: HighwayOptions = {
    var options = HighwayOptions()
    options.simulationFrequency = 5
    options.laneCount = 3
    options.otherVehicleCount = 20
    options.duration = 30
    options.egoSpacing = 1.5
    options.othersCollide = false
    return options
  }()
}

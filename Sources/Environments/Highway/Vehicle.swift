/// One vehicle and how it moves: a bicycle model (highway-env's `Vehicle`, after Polack et al. 2017), and the controllers
/// that turn a target lane and a target speed into steering and acceleration (`ControlledVehicle`).

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

package struct Vehicle {
  /// Metres.
  static let length = 5.0, width = 2.0
  /// Computed as `IDM.gapDivisor` is.
  @inline(__always) static var diagonal: Double { (length * length + width * width).squareRoot() }
  /// m/s, forwards and backwards.
  static let maximumSpeed = 40.0
  static let maximumSteering = Double.pi / 3
  // Gains of the proportional controllers, 1/s.
  static let speedGain = 1 / 0.6
  static let headingGain = 1 / 0.2
  static let lateralGain = 1 / 0.6

  package var x, y: Double
  package var heading = 0.0
  package var speed: Double
  /// cos and sin of the heading, kept because every neighbour asks.
  var cosHeading = 1.0, sinHeading = 0.0

  /// The closest lane, and the lane that is steered to.
  package var lane, targetLane: Int
  var targetSpeed: Double
  var steering = 0.0
  var acceleration = 0.0

  package var isCrashed = false
  /// Pushes the vehicle aside in the next frame, and crashes it.
  var impact: (x: Double, y: Double)?

  /// Seconds since the driver last thought about changing lanes.
  package var laneChangeTimer = 0.0
  /// The exponent δ of the driver's IDM.
  var idmExponent = 4.0

  package init(x: Double, y: Double, speed: Double, on road: Road) {
    (self.x, self.y, self.speed, targetSpeed) = (x, y, speed, speed)
    lane = road.closestLane(x: x, y: y, heading: 0)
    targetLane = lane
  }

  var velocityX: Double { speed * cosHeading }
  var velocityY: Double { speed * sinHeading }

  // MARK: - Control

  /// Steering that leads to the target lane's centre: lateral error → lateral speed → heading → yaw rate → wheel angle.
  func steeringToTargetLane() -> Double {
    let lateral = y - Road.centre(ofLane: targetLane)
    // Most vehicles drive straight in the middle; the formula gives exactly zero for them.
    if lateral == 0 && heading == 0 { return 0 }
    let divisor = notZero(speed)
    let headingCommand = asin(clip(-Self.lateralGain * lateral / divisor, -1, 1))
    let headingReference = clip(headingCommand, -.pi / 4, .pi / 4)
    let headingRate = Self.headingGain * wrapToPi(headingReference - heading)
    let slip = asin(clip(Self.length / 2 / divisor * headingRate, -1, 1))
    return clip(atan(2 * tan(slip)), -Self.maximumSteering, Self.maximumSteering)
  }

  func accelerationToTargetSpeed() -> Double { Self.speedGain * (targetSpeed - speed) }

  // MARK: - Motion

  /// One frame of `dt` seconds.
  mutating func move(_ dt: Double, on road: Road) {
    if isCrashed {
      steering = 0
      acceleration = -1.0 * speed
    }
    if speed > Self.maximumSpeed {
      acceleration = min(acceleration, 1.0 * (Self.maximumSpeed - speed))
    } else if speed < -Self.maximumSpeed {
      acceleration = max(acceleration, 1.0 * (-Self.maximumSpeed - speed))
    }
    if steering == 0 && heading == 0 && impact == nil && road.isFarFromEnds(x) {
      // Straight ahead: the formulas below with all their sines zero.
      x += speed * dt
      speed += acceleration * dt
      return
    }
    let slip = atan(1.0 / 2 * tan(steering))
    let course = sineAndCosine(heading + slip)
    x += speed * course.cosine * dt
    y += speed * course.sine * dt
    if let impact {
      x += impact.x
      y += impact.y
      isCrashed = true
      self.impact = nil
    }
    heading += speed * sin(slip) / (Self.length / 2) * dt
    speed += acceleration * dt
    (sinHeading, cosHeading) = sineAndCosine(heading)
    lane = road.closestLane(x: x, y: y, heading: heading)
  }
}

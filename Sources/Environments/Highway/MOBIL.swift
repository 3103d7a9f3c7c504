/// The drivers of the other vehicles: IDM along the road, MOBIL (Kesting, Treiber and Helbing 2007) across it. As
/// highway-env's `IDMVehicle` with politeness 0.

enum MOBIL {
  /// m/s²: what a change must gain, and what it may cost the new follower.
  static let leastGain = 0.2, mostBrakingImposed = 2.0
  /// Seconds between two thoughts about changing lanes.
  static let delay = 1.0
}

extension Traffic {
  /// Decides steering and acceleration of vehicle `subject`. Vehicles decide in list order, and a target lane chosen now
  /// is seen by those who decide later.
  mutating func drive(_ subject: Int) {
    if vehicles[subject].isCrashed { return }
    let free = IDM.freeAcceleration(of: vehicles[subject], exponent: vehicles[subject].idmExponent)
    if vehicles[subject].lane != vehicles[subject].targetLane {
      abortContestedLaneChange(subject)
    } else if MOBIL.delay < vehicles[subject].laneChangeTimer {
      vehicles[subject].laneChangeTimer = 0
      considerLaneChange(subject, free: free)
    }
    vehicles[subject].steering = vehicles[subject].steeringToTargetLane()

    let (lane, targetLane) = (vehicles[subject].lane, vehicles[subject].targetLane)
    var acceleration = accelerationInLane(subject, lane, free: free)
    if lane != targetLane { acceleration = min(acceleration, accelerationInLane(subject, targetLane, free: free)) }
    vehicles[subject].acceleration = clip(acceleration, -IDM.maximumAcceleration, IDM.maximumAcceleration)
  }

  private func accelerationInLane(_ subject: Int, _ lane: Int, free: Double) -> Double {
    let ahead = neighbours(of: subject, inLane: lane).ahead
    return IDM.acceleration(of: vehicles[subject], free: free, ahead: ahead.map { vehicles[$0] })
  }

  /// Stays in the lane if somebody close ahead is changing into the same one.
  private mutating func abortContestedLaneChange(_ subject: Int) {
    let vehicle = vehicles[subject]
    for (index, other) in vehicles.enumerated()
    where index != subject && other.lane != vehicle.targetLane && other.targetLane == vehicle.targetLane {
      let distance = other.x - vehicle.x
      if 0 < distance && distance < IDM.desiredGap(from: vehicle, to: other) {
        vehicles[subject].targetLane = vehicle.lane
        return
      }
    }
  }

  /// Left, then right; where both are good, right.
  private mutating func considerLaneChange(_ subject: Int, free: Double) {
    let vehicle = vehicles[subject]
    for lane in [vehicle.lane - 1, vehicle.lane + 1] where lane >= 0 && lane < road.laneCount {
      guard Road.canReach(lane: lane, x: vehicle.x, y: vehicle.y), abs(vehicle.speed) >= 1 else { continue }
      if recommendsChange(subject, to: lane, free: free) { vehicles[subject].targetLane = lane }
    }
  }

  private func recommendsChange(_ subject: Int, to lane: Int, free: Double) -> Bool {
    let vehicle = vehicles[subject]
    let (newAhead, newBehind) = neighbours(of: subject, inLane: lane)
    if let newBehind {
      let follower = vehicles[newBehind]
      let followerFree = IDM.freeAcceleration(of: follower, exponent: vehicle.idmExponent)
      let imposed = IDM.acceleration(of: follower, free: followerFree, ahead: vehicle)
      if imposed < -MOBIL.mostBrakingImposed { return false }
    }
    let oldAhead = neighbours(of: subject, inLane: vehicle.lane).ahead
    let there = IDM.acceleration(of: vehicle, free: free, ahead: newAhead.map { vehicles[$0] })
    let here = IDM.acceleration(of: vehicle, free: free, ahead: oldAhead.map { vehicles[$0] })
    return !(there - here < MOBIL.leastGain)
  }
}

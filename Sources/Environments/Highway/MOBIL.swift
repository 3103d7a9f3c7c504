/// The drivers of the other vehicles: IDM along the road, MOBIL (Kesting, Treiber and Helbing 2007) across it. As
/// highway-env's `IDMVehicle` with politeness 0.

enum MOBIL {
  /// m/s²: what a change must gain, and what it may cost the new follower.
  static let leastGain = 0.2, mostBrakingImposed = 2.0
  /// Seconds between two thoughts about changing lanes.
  static let delay = 1.0
}

extension Traffic.Scene {
  /// Decides steering and acceleration of vehicle `subject`. Vehicles decide in list order, and a target lane chosen now
  /// is seen by those who decide later.
  func drive(_ subject: Int) {
    if vehicles[subject].isCrashed { return }
    let lane = vehicles[subject].lane
    let free = IDM.freeAcceleration(of: vehicles[subject], exponent: vehicles[subject].idmExponent)
    let here = acceleration(of: subject, free: free, behind: vehicleAhead(of: subject, inLane: lane))
    if lane != vehicles[subject].targetLane {
      abortContestedLaneChange(subject)
    } else if MOBIL.delay < vehicles[subject].laneChangeTimer {
      vehicles[subject].laneChangeTimer = 0
      considerLaneChange(subject, free: free, here: here)
    }
    vehicles[subject].steering = vehicles[subject].steeringToTargetLane()

    // While changing lanes, the more careful of both.
    var acceleration = here
    let targetLane = vehicles[subject].targetLane
    if lane != targetLane {
      let ahead = vehicleAhead(of: subject, inLane: targetLane)
      acceleration = min(acceleration, self.acceleration(of: subject, free: free, behind: ahead))
    }
    vehicles[subject].acceleration = clip(acceleration, -IDM.maximumAcceleration, IDM.maximumAcceleration)
  }

  private func acceleration(of subject: Int, free: Double, behind ahead: Int?) -> Double {
    guard let ahead else { return free }
    return free + IDM.interaction(of: vehicles[subject], behind: vehicles[ahead])
  }

  /// Stays in the lane if somebody close ahead is changing into the same one.
  private func abortContestedLaneChange(_ subject: Int) {
    let (lane, targetLane) = (vehicles[subject].lane, vehicles[subject].targetLane)
    for other in vehicles.indices
    where other != subject && vehicles[other].lane != targetLane && vehicles[other].targetLane == targetLane {
      let distance = vehicles[other].x - vehicles[subject].x
      if 0 < distance && distance < IDM.desiredGap(from: vehicles[subject], to: vehicles[other]) {
        vehicles[subject].targetLane = lane
        return
      }
    }
  }

  /// Left, then right; where both are good, right.
  private func considerLaneChange(_ subject: Int, free: Double, here: Double) {
    let lane = vehicles[subject].lane
    guard abs(vehicles[subject].speed) >= 1 else { return }
    for side in 0..<2 {
      let candidate = side == 0 ? lane - 1 : lane + 1
      guard candidate >= 0, candidate < road.laneCount,
        Road.canReach(lane: candidate, x: vehicles[subject].x, y: vehicles[subject].y)
      else { continue }
      if recommendsChange(subject, to: candidate, free: free, here: here) { vehicles[subject].targetLane = candidate }
    }
  }

  /// MOBIL's two questions, the cheaper one first: does it gain enough, and does it spare the new follower?
  private func recommendsChange(_ subject: Int, to lane: Int, free: Double, here: Double) -> Bool {
    let there = acceleration(of: subject, free: free, behind: vehicleAhead(of: subject, inLane: lane))
    if there - here < MOBIL.leastGain { return false }
    guard let follower = vehicleBehind(subject, inLane: lane) else { return true }
    let exponent = vehicles[subject].idmExponent
    let imposed =
      IDM.freeAcceleration(of: vehicles[follower], exponent: exponent)
      + IDM.interaction(of: vehicles[follower], behind: vehicles[subject])
    return !(imposed < -MOBIL.mostBrakingImposed)
  }
}

/// What the agent sees: itself and the four vehicles next to it, as rows of presence, x, y, vx, vy
/// (highway-env's `KinematicObservation`).

extension Highway {
  static let observedVehicles = 5
  static let features = 5
  /// Metres; and how far back it still sees.
  private static let perceptionDistance = 5.0 * Vehicle.maximumSpeed, rearView = 2 * Vehicle.length

  func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    precondition(
      observation.count == Self.observedVehicles * Self.features,
      "highway's observation has \(Self.observedVehicles * Self.features) numbers, not \(observation.count)")
    observation.update(repeating: 0)
    let ego = traffic.vehicles[0]
    let rangeX = Self.perceptionDistance, rangeY = Road.laneWidth * Double(options.laneCount)
    let rangeSpeed = 2 * Vehicle.maximumSpeed

    func write(row: Int, x: Double, y: Double, velocityX: Double, velocityY: Double) {
      func normalised(_ value: Double, _ range: Double) -> Float {
        Float(clip(-1 + (value - -range) * 2 / (range - -range), -1, 1))
      }
      let start = row * Self.features
      observation[start] = 1
      observation[start + 1] = normalised(x, rangeX)
      observation[start + 2] = normalised(y, rangeY)
      observation[start + 3] = normalised(velocityX, rangeSpeed)
      observation[start + 4] = normalised(velocityY, rangeSpeed)
    }

    write(row: 0, x: ego.x, y: ego.y, velocityX: ego.velocityX, velocityY: ego.velocityY)
    let closest = closestVehicles()
    for place in 0..<Self.observedVehicles - 1 where closest[place] >= 0 {
      let other = traffic.vehicles[closest[place]]
      write(
        row: 1 + place, x: other.x - ego.x, y: other.y - ego.y, velocityX: other.velocityX - ego.velocityX,
        velocityY: other.velocityY - ego.velocityY)
    }
  }

  /// The vehicles in view with the least distance along the road, nearest first; of several equally far, the first in
  /// the list. -1 where there are fewer.
  private func closestVehicles() -> SIMD4<Int> {
    let ego = traffic.vehicles[0]
    var closest = SIMD4(repeating: -1), distances = SIMD4(repeating: Double.infinity)
    for index in 1..<traffic.vehicles.count {
      let dx = traffic.vehicles[index].x - ego.x, dy = traffic.vehicles[index].y - ego.y
      guard (dx * dx + dy * dy).squareRoot() < Self.perceptionDistance, -Self.rearView < dx else { continue }
      guard abs(dx) < distances[3] else { continue }
      var place = 3
      while place > 0 && abs(dx) < distances[place - 1] {
        (closest[place], distances[place]) = (closest[place - 1], distances[place - 1])
        place -= 1
      }
      (closest[place], distances[place]) = (index, abs(dx))
    }
    return closest
  }
}

/// A straight road along x: lane i has its centre at y = 4i, so "right" is larger. Metres.
///
/// highway-env's `StraightLane` and `RoadNetwork`, for the one road that `highway-v0` builds. What happens at the road's
/// end, 10 km away, is left out: no episode reaches it.
package struct Road {
  static let length = 10_000.0
  static let laneWidth = 4.0
  static let speedLimit = 30.0

  package let laneCount: Int

  static func centre(ofLane lane: Int) -> Double { laneWidth * Double(lane) }

  package init(laneCount: Int) { self.laneCount = laneCount }

  /// The lane closest to a position and heading; the leftmost of those equally close.
  func closestLane(x: Double, y: Double, heading: Double) -> Int {
    let angle = abs(wrapToPi(heading))
    var closest = 0, least = Double.infinity
    for lane in 0..<laneCount {
      let distance = abs(y - Self.centre(ofLane: lane)) + max(x - Self.length, 0) + max(0 - x, 0) + angle
      if distance < least { (closest, least) = (lane, distance) }
    }
    return closest
  }

  /// Whether a vehicle at this x is on the road for another frame at least.
  func isFarFromEnds(_ x: Double) -> Bool { x >= 0 && x < Self.length - Vehicle.maximumSpeed }

  /// Whether a position lies on a lane that is widened by `margin` on both sides.
  package static func isOn(lane: Int, x: Double, y: Double, margin: Double) -> Bool {
    abs(y - centre(ofLane: lane)) <= laneWidth / 2 + margin && -Vehicle.length <= x && x < length + Vehicle.length
  }

  /// Whether a vehicle at this position may turn into the lane.
  static func canReach(lane: Int, x: Double, y: Double) -> Bool {
    abs(y - centre(ofLane: lane)) <= 2 * laneWidth && 0 <= x && x < length + Vehicle.length
  }
}

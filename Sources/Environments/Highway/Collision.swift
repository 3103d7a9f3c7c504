/// Who hits whom: separating axes between rotated rectangles, now and one frame ahead. As highway-env's
/// `RoadObject.handle_collisions` and `utils.are_polygons_intersecting`.

extension Traffic {
  /// Crashes vehicles that overlap, and pushes apart those that will.
  ///
  /// - Parameter everybody: all pairs, or only those with the agent's vehicle.
  mutating func collide(_ dt: Double, everybody: Bool) {
    if everybody {
      // A later pair overwrites an earlier pair's push, so the order is that of the list.
      var pairs: [(Int, Int)] = []
      forEachPair(within: Vehicle.diagonal + Vehicle.maximumSpeed * 2 * dt) { a, b in
        let pair = (min(a, b), max(a, b))
        if isClose(pair.0, pair.1, dt) { pairs.append(pair) }
      }
      pairs.sort { $0 < $1 }
      for (a, b) in pairs { handleCollision(a, b, dt) }
    } else {
      for other in 1..<vehicles.count where isClose(0, other, dt) { handleCollision(0, other, dt) }
    }
  }

  /// The cheap test that comes first.
  private func isClose(_ a: Int, _ b: Int, _ dt: Double) -> Bool {
    let dx = vehicles[b].x - vehicles[a].x
    let reach = (Vehicle.diagonal + Vehicle.diagonal) / 2 + vehicles[a].speed * dt
    if abs(dx) > reach + 1 { return false }
    let dy = vehicles[b].y - vehicles[a].y
    return !((dx * dx + dy * dy).squareRoot() > reach)
  }

  private mutating func handleCollision(_ a: Int, _ b: Int, _ dt: Double) {
    let first = vehicles[a], second = vehicles[b]
    let motion = (
      x: first.velocityX * dt - second.velocityX * dt, y: first.velocityY * dt - second.velocityY * dt
    )
    let (overlap, push) = overlap(Rectangle(first), Rectangle(second), motion: motion)
    if let push {
      vehicles[a].impact = (push.x / 2, push.y / 2)
      vehicles[b].impact = (-push.x / 2, -push.y / 2)
    }
    if overlap {
      vehicles[a].isCrashed = true
      vehicles[b].isCrashed = true
    }
  }
}

/// A vehicle's outline: four corners in order.
private struct Rectangle {
  typealias Point = (x: Double, y: Double)
  let corners: (Point, Point, Point, Point)

  init(_ vehicle: Vehicle) {
    func corner(_ x: Double, _ y: Double) -> Point {
      (
        (vehicle.cosHeading * x + -vehicle.sinHeading * y) + vehicle.x,
        (vehicle.sinHeading * x + vehicle.cosHeading * y) + vehicle.y
      )
    }
    let (x, y) = (Vehicle.length / 2, Vehicle.width / 2)
    corners = (corner(-x, -y), corner(-x, y), corner(x, y), corner(x, -y))
  }

  var centre: Point {
    (
      (corners.0.x + corners.1.x + corners.2.x + corners.3.x) / 4,
      (corners.0.y + corners.1.y + corners.2.y + corners.3.y) / 4
    )
  }

  /// Unit normal of side 0 ..< 4.
  func normal(_ side: Int) -> Point {
    let (from, to): (Point, Point) =
      switch side {
      case 0: (corners.0, corners.1)
      case 1: (corners.1, corners.2)
      case 2: (corners.2, corners.3)
      default: (corners.3, corners.0)
      }
    let x = -to.y + from.y, y = to.x - from.x
    let norm = (x * x + y * y).squareRoot()
    return (x / norm, y / norm)
  }

  func projection(on axis: Point) -> (low: Double, high: Double) {
    func along(_ corner: Point) -> Double { corner.x * axis.x + corner.y * axis.y }
    let (a, b, c, d) = (along(corners.0), along(corners.1), along(corners.2), along(corners.3))
    return (min(min(a, b), min(c, d)), max(max(a, b), max(c, d)))
  }
}

/// Whether two rectangles overlap now, and by what translation the first would have to move so that they do not overlap
/// after the relative `motion`: nil if they will not.
private func overlap(_ a: Rectangle, _ b: Rectangle, motion: Rectangle.Point) -> (now: Bool, push: Rectangle.Point?) {
  var now = true, soon = true
  var leastDistance = Double.infinity
  var axis: Rectangle.Point = (0, 0)
  for rectangle in 0..<2 {
    for side in 0..<4 {
      let normal = rectangle == 0 ? a.normal(side) : b.normal(side)
      var first = a.projection(on: normal)
      let second = b.projection(on: normal)
      if gap(first, second) > 0 { now = false }

      let approach = normal.x * motion.x + normal.y * motion.y
      if approach < 0 { first.low += approach } else { first.high += approach }
      let distance = gap(first, second)
      if distance > 0 { soon = false }
      if !now && !soon { return (false, nil) }

      if abs(distance) < leastDistance {
        leastDistance = abs(distance)
        let (ca, cb) = (a.centre, b.centre)
        let along = (ca.x - cb.x) * normal.x + (ca.y - cb.y) * normal.y
        axis = along > 0 ? normal : (-normal.x, -normal.y)
      }
    }
  }
  return (now, soon ? (leastDistance * axis.x, leastDistance * axis.y) : nil)
}

/// Distance between two intervals; negative if they overlap.
private func gap(_ a: (low: Double, high: Double), _ b: (low: Double, high: Double)) -> Double {
  a.low < b.low ? b.low - a.high : a.low - b.high
}

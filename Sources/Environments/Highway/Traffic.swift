/// All vehicles of one episode in highway-env's order (the agent's is the first), and who drives next to whom.

package struct Traffic {
  package let road: Road
  package var vehicles: [Vehicle] = []
  /// Vehicles by increasing x. Kept sorted, so that a neighbour is found in a few steps instead of a pass over all.
  private var order: [Int] = []
  private var rank: [Int] = []

  package init(road: Road) { self.road = road }

  package mutating func add(_ vehicle: Vehicle) {
    order.append(vehicles.count)
    rank.append(vehicles.count)
    vehicles.append(vehicle)
  }

  mutating func removeAll() {
    vehicles.removeAll(keepingCapacity: true)
    order.removeAll(keepingCapacity: true)
    rank.removeAll(keepingCapacity: true)
  }

  /// Call after vehicles have moved. Insertion sort: overtaking is rare, so this is one pass.
  package mutating func sort() {
    for place in order.indices.dropFirst() {
      let vehicle = order[place], x = vehicles[vehicle].x
      var target = place
      while target > 0 && vehicles[order[target - 1]].x > x {
        order[target] = order[target - 1]
        target -= 1
      }
      order[target] = vehicle
    }
    for (place, vehicle) in order.enumerated() { rank[vehicle] = place }
  }

  /// The vehicles directly ahead of and behind a vehicle in a lane, each nil where there is none
  /// (`Road.neighbour_vehicles`). A vehicle abreast counts as ahead; of several at one x, the last in the list is ahead
  /// and the first in the list is behind.
  package func neighbours(of subject: Int, inLane lane: Int) -> (ahead: Int?, behind: Int?) {
    let x = vehicles[subject].x, place = rank[subject]
    func isInLane(_ other: Int) -> Bool {
      Road.isOn(lane: lane, x: vehicles[other].x, y: vehicles[other].y, margin: 1)
    }
    // The first place at this x; it is the subject's own unless somebody is exactly abreast.
    var first = place
    while first > 0 && vehicles[order[first - 1]].x == x { first -= 1 }

    var ahead: Int?
    for other in order[first...] where other != subject {
      if let found = ahead, vehicles[other].x > vehicles[found].x { break }
      if isInLane(other) { ahead = max(ahead ?? other, other) }
    }
    var behind: Int?
    for other in order[..<first].reversed() {
      if let found = behind, vehicles[other].x < vehicles[found].x { break }
      if isInLane(other) { behind = min(behind ?? other, other) }
    }
    return (ahead, behind)
  }

  /// Calls `body` for the pairs of vehicles whose x differ by at most `reach`, in no particular order.
  func forEachPair(within reach: Double, _ body: (_ a: Int, _ b: Int) -> Void) {
    for place in order.indices {
      let a = order[place], limit = vehicles[a].x + reach
      for b in order[(place + 1)...] {
        if vehicles[b].x > limit { break }
        body(a, b)
      }
    }
  }
}

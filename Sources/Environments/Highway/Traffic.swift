/// All vehicles of one episode in highway-env's order (the agent's is the first), and who drives next to whom.

package struct Traffic {
  package let road: Road
  package var vehicles: [Vehicle] = []
  /// Where a vehicle is, for whoever looks for neighbours.
  struct Place {
    var x = Double.nan, y = Double.nan
    var vehicle: Int
    /// Bit i is set if the vehicle is in lane i; one between two lanes is in both.
    var lanes: UInt64 = 0
  }
  /// By increasing x, so that a neighbour is found in a few steps instead of a pass over all.
  private var places: [Place] = []
  /// Where in `places` a vehicle stands.
  private var rank: [Int] = []

  package init(road: Road) {
    precondition(road.laneCount <= 64, "a road has at most 64 lanes, not \(road.laneCount)")
    self.road = road
  }

  package mutating func add(_ vehicle: Vehicle) {
    rank.append(vehicles.count)
    places.append(Place(vehicle: vehicles.count))
    vehicles.append(vehicle)
  }

  mutating func removeAll() {
    vehicles.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    rank.removeAll(keepingCapacity: true)
  }

  /// Call after vehicles have moved.
  package mutating func sort() { withScene { $0.sort() } }

  /// Calls `body` for the pairs of vehicles whose x differ by at most `reach`, in no particular order.
  func forEachPair(within reach: Double, _ body: (_ a: Int, _ b: Int) -> Void) {
    for place in places.indices {
      let limit = places[place].x + reach
      for other in places[(place + 1)...] {
        if other.x > limit { break }
        body(places[place].vehicle, other.vehicle)
      }
    }
  }

  /// The same storage, for loops over all vehicles: who owns it is settled once, and bounds are checked in debug builds.
  package struct Scene {
    let road: Road
    let vehicles: UnsafeMutableBufferPointer<Vehicle>
    fileprivate let places: UnsafeMutableBufferPointer<Place>
    fileprivate let rank: UnsafeMutableBufferPointer<Int>
  }

  package mutating func withScene<Result>(_ body: (Scene) -> Result) -> Result {
    let road = road
    return vehicles.withUnsafeMutableBufferPointer { vehicles in
      places.withUnsafeMutableBufferPointer { places in
        rank.withUnsafeMutableBufferPointer { rank in
          body(Scene(road: road, vehicles: vehicles, places: places, rank: rank))
        }
      }
    }
  }
}

extension Traffic.Scene {
  /// Insertion sort: overtaking is rare, so this is one pass.
  fileprivate func sort() {
    for current in places.indices {
      var place = places[current]
      let y = vehicles[place.vehicle].y
      place.x = vehicles[place.vehicle].x
      // A vehicle whose y has not changed is still in the same lanes: only the ends of the road could change that.
      if y != place.y || !road.isFarFromEnds(place.x) {
        place.y = y
        place.lanes = 0
        for lane in 0..<road.laneCount where Road.isOn(lane: lane, x: place.x, y: y, margin: 1) {
          place.lanes |= 1 << UInt64(lane)
        }
      }
      var target = current
      while target > 0 && places[target - 1].x > place.x {
        places[target] = places[target - 1]
        target -= 1
      }
      places[target] = place
    }
    for (place, content) in places.enumerated() { rank[content.vehicle] = place }
  }

  /// The vehicle directly ahead in a lane, nil where there is none (`Road.neighbour_vehicles`). One abreast counts as
  /// ahead; of several at one x it is the last in the list.
  package func vehicleAhead(of subject: Int, inLane lane: Int) -> Int? {
    var found: Traffic.Place?
    var place = firstPlace(abreastOf: subject)
    while place < places.count {
      let other = places[place]
      if let found, other.x > found.x { break }
      if other.vehicle != subject && other.lanes >> UInt64(lane) & 1 == 1 && other.vehicle > found?.vehicle ?? -1 {
        found = other
      }
      place += 1
    }
    return found?.vehicle
  }

  /// The vehicle directly behind in a lane; of several at one x it is the first in the list.
  package func vehicleBehind(_ subject: Int, inLane lane: Int) -> Int? {
    var found: Traffic.Place?
    var place = firstPlace(abreastOf: subject) - 1
    while place >= 0 {
      let other = places[place]
      if let found, other.x < found.x { break }
      if other.lanes >> UInt64(lane) & 1 == 1 && other.vehicle < found?.vehicle ?? .max { found = other }
      place -= 1
    }
    return found?.vehicle
  }

  /// The subject's own place, unless somebody is exactly abreast.
  private func firstPlace(abreastOf subject: Int) -> Int {
    var place = rank[subject]
    while place > 0 && places[place - 1].x == places[place].x { place -= 1 }
    return place
  }
}

/// The Intelligent Driver Model (Treiber, Hennecke and Helbing 2000): how hard a driver accelerates, from the own speed
/// and the vehicle ahead. As highway-env's `IDMVehicle`.

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

enum IDM {
  /// m/s².
  static let comfortableAcceleration = 3.0, comfortableBraking = -5.0, maximumAcceleration = 6.0
  /// Metres between centres in a jam.
  static let jamDistance = 5.0 + Vehicle.length
  /// Seconds.
  static let timeGap = 1.5
  /// m/s². Computed, not stored: the compiler works it out, where a stored one asks at every use whether it has been.
  @inline(__always) private static var gapDivisor: Double { 2 * (-comfortableAcceleration * comfortableBraking).squareRoot() }

  /// Acceleration on an empty road, m/s². `exponent` is that of the driver who asks, not of the vehicle asked about.
  @inline(__always) static func freeAcceleration(of vehicle: Vehicle, exponent: Double) -> Double {
    let wanted = clip(vehicle.targetSpeed, 0, Road.speedLimit)
    return comfortableAcceleration * (1 - pow(max(vehicle.speed, 0) / abs(notZero(wanted)), exponent))
  }

  /// What the vehicle ahead adds to that, m/s²: never positive.
  @inline(__always) static func interaction(of vehicle: Vehicle, behind ahead: Vehicle) -> Double {
    let ratio = desiredGap(from: vehicle, to: ahead) / notZero(ahead.x - vehicle.x)
    return -(comfortableAcceleration * (ratio * ratio))
  }

  /// The distance that a vehicle wants to the one ahead, m.
  @inline(__always) static func desiredGap(from vehicle: Vehicle, to ahead: Vehicle) -> Double {
    let differenceX = vehicle.velocityX - ahead.velocityX
    let differenceY = vehicle.velocityY - ahead.velocityY
    let approach = differenceX * vehicle.cosHeading + differenceY * vehicle.sinHeading
    return jamDistance + vehicle.speed * timeGap + vehicle.speed * approach / gapDivisor
  }
}

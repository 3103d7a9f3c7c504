/// What can be varied about LunarLander, with Gymnasium's names and defaults. The continuous variant is left out.

extension LunarLander {
  /// Gymnasium's keyword arguments of `LunarLander-v3`.
  public struct Options: Codable, Equatable, Sendable {
    /// m/s², downwards negative; between -12 and 0, both excluded.
    public var gravity: Double
    /// Whether wind and turbulence push the lander.
    public var enableWind: Bool
    /// Largest horizontal force of the wind, N; 0 to 20 recommended.
    public var windPower: Double
    /// Largest torque of the wind, N·m; 0 to 2 recommended.
    public var turbulencePower: Double

    /// Gymnasium's defaults. Values are checked by `LunarLander.init`.
    public init(gravity: Double = -10, enableWind: Bool = false, windPower: Double = 15, turbulencePower: Double = 1.5) {
      self.gravity = gravity
      self.enableWind = enableWind
      self.windPower = windPower
      self.turbulencePower = turbulencePower
    }

    /// Beyond this a wind is a mistake, and single precision is not far from its end.
    static let largestPower = 1000.0

    func validate() throws(LunarLanderOptionError) {
      // Written so that NaN fails too.
      guard gravity > -12, gravity < 0 else {
        throw LunarLanderOptionError(option: "gravity", value: gravity, allowed: "between -12 and 0 (Earth's would be -9.81)")
      }
      let powers = [("windPower", windPower, 20), ("turbulencePower", turbulencePower, 2)]
      for (name, value, recommended) in powers where !(abs(value) <= Self.largestPower) {
        throw LunarLanderOptionError(
          option: name, value: value, allowed: "at most \(Int(Self.largestPower)) (recommended: 0 to \(recommended))")
      }
    }
  }
}

/// An option of LunarLander that no episode could be played with.
public struct LunarLanderOptionError: Error, Equatable, CustomStringConvertible, Sendable {
  /// Its name.
  public let option: String
  /// What it was set to.
  public let value: Double
  /// What it may be, in words.
  public let allowed: String

  public var description: String { "LunarLander-v3: \(option) is \(value); it must be \(allowed)" }
}

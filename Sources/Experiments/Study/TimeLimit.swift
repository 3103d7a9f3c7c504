/// `--time-limit`: 90s, 150m or 2h.

public enum TimeLimit {
  /// Seconds.
  public static func parse(_ text: String) throws -> Double {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    guard let unit = text.last.flatMap({ units[$0] }), let number = Double(text.dropLast()), number > 0, number.isFinite else {
      throw UsageError("--time-limit \(text): write a number and s, m or h, such as 90s, 150m or 2h")
    }
    return number * unit
  }

  /// When to begin to stop: early enough that checkpoints are written and processes gone when the limit comes.
  public static func stopping(_ limit: Double) -> Double { limit - min(10, limit / 20) }
}

/// Numbers and truth values as people write them: `1e6`, `1_000`, `True`.

extension Int {
  /// A whole number, also as `1_000` and `1e6`; nil for anything else, and beyond what an `Int` holds.
  public init?(written text: String) {
    guard let text = text.withoutSeparators else { return nil }
    if let value = Int(text) {
      self = value
    } else if let value = Double(written: text), let whole = Int(exactly: value), abs(value) <= 1e15 {
      self = whole
    } else {
      return nil
    }
  }
}

extension Double {
  /// A decimal number, also as `1_000.5`; neither `nan`, `inf` nor hexadecimal.
  public init?(written text: String) {
    guard let text = text.withoutSeparators, text.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }),
      let value = Double(text), value.isFinite
    else { return nil }
    self = value
  }
}

extension Bool {
  /// `true` or `false`, in any case.
  public init?(written text: String) { self.init(text.lowercased()) }
}

extension String {
  /// Without `_` between digits; nil where one stands anywhere else.
  fileprivate var withoutSeparators: String? {
    guard contains("_") else { return self }
    let parts = split(separator: "_", omittingEmptySubsequences: false)
    let isBetweenDigits = zip(parts, parts.dropFirst()).allSatisfy {
      ($0.last?.isNumber ?? false) && ($1.first?.isNumber ?? false)
    }
    return isBetweenDigits ? parts.joined() : nil
  }
}

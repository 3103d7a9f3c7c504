/// "Did you mean …?"

/// The candidate closest to `word` (edit distance, letter case ignored), where one is close enough to be a slip.
public func nearestMatch(to word: String, in candidates: some Sequence<String>) -> String? {
  let target = Array(word.lowercased())
  let best = candidates.map { ($0, editDistance(target, Array($0.lowercased()))) }.min { $0.1 < $1.1 }
  guard let (candidate, distance) = best, distance <= max(2, word.count / 3) else { return nil }
  return candidate
}

/// " (did you mean X?)", or nothing.
public func suggestion(for word: String, in candidates: some Sequence<String>) -> String {
  nearestMatch(to: word, in: candidates).map { "; did you mean \($0)?" } ?? ""
}

private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in b.enumerated() {
      let cost = x == y ? diagonal : 1 + min(diagonal, row[j], row[j + 1])
      diagonal = row[j + 1]
      row[j + 1] = cost
    }
  }
  return row[b.count]
}

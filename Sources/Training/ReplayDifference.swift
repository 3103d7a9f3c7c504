/// Whether an environment, reset with the present episode's seed and given its actions again, stands where it stood when a
/// checkpoint was taken. One that draws from a generator of its own, or from the clock, does not.

/// What a person should be told, or nil where observation and return are the same bit for bit.
///
/// - Parameters:
///   - actions: how many were taken again.
///   - stored: the present observation in the checkpoint; `replayed` the one after the actions.
public func replayDifference(
  in environment: String, actions: Int, stored: [Float], replayed: [Float], storedReturn: Double, replayedReturn: Double
) -> String? {
  precondition(stored.count == replayed.count, "observations of \(stored.count) and \(replayed.count) numbers")
  let consequence = "the environment does not follow its seed, so this run does not end as one that was never stopped"
  let again = "\(environment), reset with its seed and given the episode's \(actions) actions again,"
  if let index = stored.indices.first(where: { stored[$0].bitPattern != replayed[$0].bitPattern }) {
    return "\(again) has \(replayed[index]) as element \(index) of its observation, not \(stored[index]): \(consequence)"
  }
  guard storedReturn.bitPattern == replayedReturn.bitPattern else {
    return "\(again) has given the return \(replayedReturn), not \(storedReturn): \(consequence)"
  }
  return nil
}

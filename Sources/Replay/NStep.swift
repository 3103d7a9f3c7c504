/// The return of a transition over up to n steps (Sutton & Barto 2018, eq. 7.1): what is learned from it before the
/// bootstrap, and what the bootstrap is worth.
public struct NStep: Sendable {
  public let steps: Int
  public let discount: Float
  /// True reproduces the published code: a time limit cuts the bootstrap as a terminal state does.
  public let cutsAtTruncation: Bool

  public init(steps: Int = 1, discount: Float, cutsAtTruncation: Bool = false) {
    precondition(steps > 0, "\(steps)-step returns")
    (self.steps, self.discount, self.cutsAtTruncation) = (steps, discount, cutsAtTruncation)
  }

  public struct Outcome: Equatable, Sendable {
    /// Steps taken: fewer than n where the episode ends, or where nothing newer is stored.
    public var steps: Int
    /// Σ γⁱ rᵢ over them.
    public var `return`: Float
    /// What the value of the state after them is multiplied by: γ^steps, or 0 at a terminal state.
    public var discount: Float
  }

  /// O(n).
  public func outcome(of transition: Int, in store: StepStore) -> Outcome {
    var result = Outcome(steps: 0, return: 0, discount: 1)
    while true {
      let step = transition + result.steps
      // The first reward as it is: 1 · r + 0 would lose the sign of −0.
      result.return = result.steps == 0 ? store.reward(step) : result.return + result.discount * store.reward(step)
      result.steps += 1
      result.discount *= discount
      if store.isLast(step) {
        if store.isTerminated(step) || cutsAtTruncation { result.discount = 0 }
        return result
      }
      if result.steps == steps || step == store.appended - 1 { return result }
    }
  }
}

/// An environment that does not come back to where it was is noticed, and one that does is not accused.
import Testing
import Training

@Suite struct ReplayDifferenceTests {
  private func difference(_ stored: [Float], _ replayed: [Float], _ returns: (Double, Double) = (1, 1)) -> String? {
    replayDifference(
      in: "Dice", actions: 7, stored: stored, replayed: replayed, storedReturn: returns.0, replayedReturn: returns.1)
  }

  @Test func theSameBitsAreNoDifference() {
    #expect(difference([1, -0.0, .nan], [1, -0.0, .nan]) == nil)
  }

  @Test func oneBitIsADifferenceAndIsNamed() {
    let message = difference([1, 2, 3], [1, (2 as Float).nextUp, 3])
    #expect(message?.contains("Dice") == true && message?.contains("7 actions") == true)
    #expect(message?.contains("\((2 as Float).nextUp) as element 1 of its observation, not 2.0") == true)
    #expect(difference([0], [-0.0]) != nil)
    #expect(difference([1], [1], (1, 1.5))?.contains("the return 1.5, not 1.0") == true)
  }
}

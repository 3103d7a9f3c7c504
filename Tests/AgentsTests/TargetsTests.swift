/// The learning rule by number, and every setting of it through a real gradient step.
import Agents
import Autograd
import Records
import Testing

@Suite struct TargetsTests {
  /// Two rows of next values: [1, 3, 2] and [−4, −1, −2]; the online network prefers actions 0 and 2.
  private func targets(discounts: [Float], double: Bool = false, rescaled: Bool = false, nextRows: [Int32] = [0, 1]) -> [Float] {
    let next: [Float] = [1, 3, 2, -4, -1, -2], online: [Float] = [5, 0, 1, 0, 0, 9], returns: [Float] = [10, 20]
    var result: [Float] = [0, 0]
    next.withUnsafeBufferPointer { next in
      online.withUnsafeBufferPointer { online in
        let chooser = Tensor(data: online.baseAddress!, rows: 2, columns: 3)  // six floats
        Targets.write(
          rows: 2, returns: returns, discounts: discounts, nextRows: nextRows,
          next: Tensor(data: next.baseAddress!, rows: 2, columns: 3), chooser: double ? chooser : nil, rescaled: rescaled,
          into: &result)
      }
    }
    return result
  }

  @Test func oneStep() {
    #expect(targets(discounts: [0.5, 0.5]) == [11.5, 19.5])
    #expect(targets(discounts: [0, 0.5]) == [10, 19.5])  // terminal: nothing is bootstrapped
    #expect(targets(discounts: [0.125, 0]) == [10.375, 20])  // three steps of γ = ½
    #expect(targets(discounts: [0.5, 0.5], nextRows: [1, 0]) == [9.5, 21.5])
  }

  @Test func doubleQ() { #expect(targets(discounts: [0.5, 0.5], double: true) == [10.5, 19]) }

  /// Of two members' [1, 5, 4] and [3, 1, 4]: means 2, 3, 4 and standard deviations 1, 2, 0.
  @Test func lowerBoundOfAnEnsemble() {
    func bound(_ pessimism: Float) -> [Float] {
      let values: [Float] = [1, 5, 4, 3, 1, 4]
      var result: [Float] = [.nan, .nan, .nan]
      values.withUnsafeBufferPointer { values in
        let members = [0, 3].map { Tensor(data: values.baseAddress! + $0, rows: 1, columns: 3) }
        Targets.lowerBound(members, pessimism: pessimism, into: &result)
      }
      return result
    }
    #expect(bound(0) == [2, 3, 4])
    #expect(bound(0.5) == [1.5, 2, 4])
  }

  @Test func valueRescaling() {
    #expect(ValueRescaling.apply(0) == 0)
    #expect(ValueRescaling.apply(3) == 1.003 && ValueRescaling.apply(-8) == -2.008)
    for x: Float in [-1e6, -300, -1, -0.01, 0, 1e-4, 0.5, 7, 4e4] {
      #expect(abs(ValueRescaling.invert(ValueRescaling.apply(x)) - x) <= 1e-5 * max(1, abs(x)))
    }
    let expected = ValueRescaling.apply(10 + 0.5 * ValueRescaling.invert(3))
    #expect(targets(discounts: [0.5, 0.5], rescaled: true)[0] == expected)
  }
}

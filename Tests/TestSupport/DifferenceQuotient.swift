/// How far `gradient` lies from a difference quotient of fourth order along each of five random directions, ascending; and the
/// tolerance: outputs are float32, so that a quotient has few digits.
///
/// - Parameters:
///   - gradient: of `loss`, where nothing is moved.
///   - uniform: a random number of -1 ..< 1.
///   - move: takes what was differentiated so far from where it was.
public func differenceErrors(
  of gradient: [Float], uniform: () -> Float, move: ([Float]) -> Void, loss: () -> Double
) -> (errors: [Double], tolerance: Double) {
  let size = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot(), h: Float = 0.0005
  let errors = (0..<5).map { _ in
    let direction = gradient.map { _ in uniform() }
    func along(_ steps: Float) -> Double {
      move(direction.map { $0 * h * steps })
      return loss()
    }
    let quotient = (8 * (along(1) - along(-1)) - (along(2) - along(-2))) / (12 * Double(h))
    move(direction.map { _ in 0 })
    return abs(quotient - zip(gradient, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) })
  }
  return (errors.sorted(), 0.003 * size + 0.005)
}

/// `NAME?mask=2,3,5`, taken apart: any environment without some of its features.
import Environments

struct EnvironmentName {
  /// The name without `mask`; a Gymnasium environment keeps its other arguments, in order.
  let environment: String
  /// Features to hide; nil where none are.
  let mask: [Int]?

  init(_ text: String) throws {
    let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let arguments = parts.count > 1 ? parts[1].split(separator: "&", omittingEmptySubsequences: false) : []
    let masks = arguments.filter { $0 == "mask" || $0.hasPrefix("mask=") }
    guard let assignment = masks.first else {
      (environment, mask) = (text, nil)
      return
    }
    guard masks.count == 1 else { throw UsageError("\(text): mask is given \(masks.count) times") }
    // Each written in one way: an environment has no two names.
    let features = assignment.dropFirst("mask=".count).split(separator: ",", omittingEmptySubsequences: false).map { feature in
      Int(feature).flatMap { "\($0)" == feature ? $0 : nil }
    }
    guard !features.isEmpty, features.allSatisfy({ $0 != nil }) else {
      throw UsageError("\(text): mask must be numbers of features separated by commas, such as mask=2,3,5")
    }
    let others = arguments.filter { $0 != assignment }
    environment = ([String(parts[0])] + (others.isEmpty ? [] : [others.joined(separator: "&")])).joined(separator: "?")
    mask = features.compactMap { $0 }
  }
}

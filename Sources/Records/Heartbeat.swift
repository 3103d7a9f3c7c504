/// What a run that goes on says about itself, for whoever looks at its folder.
import Foundation

/// `status.json`: what a run's process says about itself, once a second at most.
public struct Heartbeat: Codable, Equatable, Sendable, ReadableJSON {
  /// Environment steps taken, and those of the whole run.
  public var step, totalSteps: Int
  /// Over the last seconds.
  public var stepsPerSecond: Double
  /// Of the last hundred episodes; nil before the first ends.
  public var meanReturn: Double?
  /// Of the last gradient step; nil before the first.
  public var loss: Double?
  /// Share of random actions.
  public var epsilon: Double
  /// Of this process so far.
  public var sessionSeconds: Double
  /// When this was written, ISO 8601.
  public var updated: String
  /// What ended the last try, where it failed.
  public var error: String?

  /// `updated` as ISO 8601 has it.
  public init(step: Int, totalSteps: Int, stepsPerSecond: Double, epsilon: Double, sessionSeconds: Double, updated: String) {
    (self.step, self.totalSteps, self.stepsPerSecond) = (step, totalSteps, stepsPerSecond)
    (self.epsilon, self.sessionSeconds, self.updated) = (epsilon, sessionSeconds, updated)
  }

  /// Nil where there is none that can be read.
  public static func read(_ folder: RunFolder) -> Heartbeat? {
    FileManager.default.contents(atPath: folder.status).flatMap { try? JSONDecoder().decode(Heartbeat.self, from: $0) }
  }
}

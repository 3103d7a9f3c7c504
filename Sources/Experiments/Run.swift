/// A run and its folder: begin it, go on with it, and say what became of it.
import Agents
import Environments
import Foundation
import Networks
import Records
import Training

/// A run in its folder, which no other process writes meanwhile: new, or gone on with.
public struct Run {
  /// Claimed for as long as this value lives.
  public var folder: RunFolder { claim.folder }
  private let claim: RunClaim
  /// As config.json has it.
  public let config: ExperimentConfig
  /// What trains it.
  public let trainer: Trainer
  private let isNew: Bool
  /// What was wrong with newer checkpoints than the one a resumed run goes on from.
  public let refusedCheckpoints: [FileError]
  /// What a person should be told before it goes on.
  public var warnings: [String] {
    refusedCheckpoints.map { "\($0); going on from the one before" } + trainer.warnings + [claim.warning].compactMap { $0 }
  }

  /// Begins a run in a new folder; without one given, in one named after the configuration and the time.
  public init(_ config: ExperimentConfig, in folder: RunFolder?, command: [String]) throws {
    try Settings.check(config)
    try self.init(config, command) {
      try folder.map(RunClaim.init(new:)) ?? RunClaim(unique: Self.defaultPath(config))
    }
  }

  /// Begins a run in a folder that somebody else made and keeps what is his in it.
  init(_ config: ExperimentConfig, inPrepared folder: RunFolder, command: [String]) throws {
    try self.init(config, command) { try RunClaim(existing: folder) }
  }

  private init(_ config: ExperimentConfig, _ command: [String], _ makeClaim: () throws -> RunClaim) throws {
    let entry = try config.environmentEntry()
    claim = try makeClaim()
    do { trainer = try Self.begin(config, entry, in: claim.folder, command) } catch {
      // Nothing has been learned yet: leave nothing behind.
      claim.abandon()
      throw error
    }
    (self.config, refusedCheckpoints, isNew) = (config, [], true)
  }

  private static func begin(
    _ config: ExperimentConfig, _ entry: EnvironmentEntry, in folder: RunFolder, _ command: [String]
  ) throws -> Trainer {
    try AtomicFile.write(config.json, to: folder.config)
    try AtomicFile.write(Data((command.map(shellQuoted).joined(separator: " ") + "\n").utf8), to: folder.command)
    try AtomicFile.write(Provenance.current(recipe: config.recipe).json, to: folder.provenance)
    return try Trainer(config: config, folder: folder, makeEnvironment: entry.make)
  }

  /// To be called where it failed: a new run that never took a step leaves nothing behind, so that the same command can be given
  /// again.
  public func abandonUnlessBegun() {
    if isNew, trainer.step == 0 { claim.abandon() }
  }

  /// Goes on with the run in `folder` from its newest whole checkpoint, or from the start where it never reached one. What has
  /// ended and lost its checkpoints, as an exported run has, is refused: nothing of a result is overwritten.
  ///
  /// With `steps` or `settings` it becomes a run of that many steps, or under those settings, from here on: what is spread over
  /// a whole run (the fall of the learning rate, the rise of β) stands where it would in a run of `steps` from the start.
  ///
  /// - Parameters:
  ///   - isTrusted: whether the code that its config.json may name is imported (`gymnasium:MODULE:ID`).
  ///   - steps: where it shall end now.
  ///   - settings: `key=value` of `Settings.changeable`.
  ///   - command: what the user typed, for command.txt.
  public init(
    resuming folder: RunFolder, isTrusted: Bool = false, steps: Int? = nil, settings: [String] = [], command: [String] = []
  ) throws {
    guard folder.exists else { throw FileError(folder.path, "does not exist") }
    guard FileManager.default.fileExists(atPath: folder.config) else {
      throw FileError(folder.path, "is not a run folder: it has no config.json")
    }
    claim = try RunClaim(existing: folder)
    let recorded = try Settings.read(folder.config)
    let config = try Settings.changed(recorded, steps: steps, settings)
    let isChanged = config != recorded
    if isChanged, FileLock.isOfStudy(folder) {
      throw UsageError("\(folder.path) is a task of a study, which says its settings; copy the folder elsewhere to go on from it")
    }
    let entry = try config.environmentEntry(from: .file(folder.config, isTrusted: isTrusted))
    let store = try CheckpointStore(directory: folder.checkpoints)
    let newest = store.newest()
    if newest == nil, let damaged = store.paths.first {
      throw FileError(damaged, "is damaged, and there is no earlier checkpoint; begin the run again")
    }
    if newest == nil, let result = folder.result {
      throw FileError(
        folder.path,
        "has ended (there is \(result)) and holds no checkpoint to go on from; copy its config.json or begin another run")
    }
    if let newest {
      // A change that was cut short has reached the checkpoint and not the file.
      do { try Self.check(recorded, in: folder, against: newest.reader) } catch let edited where isChanged {
        // What was edited by hand, not what this command changes.
        do { try Self.check(config, in: folder, against: newest.reader) } catch { throw edited }
      }
    }
    if isChanged, let step = try newest.map({ try Trainer.step(of: $0.reader) }), step >= config.totalSteps {
      throw UsageError(
        steps == nil
          ? "\(folder.path) has ended at step \(step): new settings need more steps, such as --steps \(2 * step)"
          : "--steps \(config.totalSteps): \(folder.path) stands at step \(step) already")
    }
    trainer = try Trainer(config: config, folder: folder, resuming: newest?.reader, makeEnvironment: entry.make)
    (self.config, refusedCheckpoints, isNew) = (config, newest?.refused ?? [], false)
    if isChanged { try recordChange(command) }
  }

  /// The folder says what runs from now on. What stood for its end no longer does: the evaluation goes, the weights get the
  /// name of their step.
  private func recordChange(_ command: [String]) throws {
    let files = FileManager.default
    try trainer.saveCheckpoint()  // it knows its configuration
    try AtomicFile.write(config.json, to: folder.config)
    let commands = files.contents(atPath: folder.command) ?? Data()
    try AtomicFile.write(
      commands + Data((command.map(shellQuoted).joined(separator: " ") + "\n").utf8), to: folder.command)
    if files.fileExists(atPath: folder.evaluation) { try? files.removeItem(atPath: folder.evaluation) }
    guard let step = (try? Safetensors(path: folder.weights))?.metadata["step"].flatMap({ Int($0) }) else { return }
    try? files.removeItem(atPath: folder.earlierWeights(step: step))
    try files.moveItem(atPath: folder.weights, toPath: folder.earlierWeights(step: step))
  }

  /// A checkpoint knows its run: a configuration that was edited since is refused, but for time-outs, which change no result.
  private static func check(_ config: ExperimentConfig, in folder: RunFolder, against reader: CheckpointReader) throws {
    guard reader.contains(Trainer.configSection) else { return }  // of an earlier version
    let json = try reader.bytes(Trainer.configSection), taken = try ExperimentConfig(json: json, from: reader.path)
    if let former = ExperimentConfig.former(in: json) {
      throw FileError(
        reader.path,
        "was trained with \(former.key)=\(former.value), a setting that is gone; it can be evaluated, but not gone on with")
    }
    let free: Set = ["startTimeout", "resetTimeout", "stepTimeout"]
    if let edited = Settings.fields(config, taken).first(where: { $0.a != $0.b && !free.contains($0.key) }) {
      throw FileError(
        folder.config,
        "\(edited.key) is \(edited.a), and \(edited.b) in the checkpoint that the run would go on from; put it back, "
          + "or begin another run")
    }
  }

  /// The command that goes on with the run in `folder`.
  public static func resumeCommand(_ folder: RunFolder, _ config: ExperimentConfig) -> String {
    "\(programName) resume \(shellQuoted(folder.path))\(EnvironmentCatalog.bringsCode(config.environment) ? " --trust" : "")"
  }

  /// `runs/<environment>__<preset>__s<seed>__<time>`, of letters that need no quotes, and short enough for any file system.
  static func defaultPath(_ config: ExperimentConfig) -> String {
    let format = DateFormatter()
    format.dateFormat = "yyyyMMdd'T'HHmmss'Z'"
    format.timeZone = TimeZone(identifier: "UTC")
    format.locale = Locale(identifier: "en_US_POSIX")
    func plain(_ text: String) -> String {
      String(text.prefix(100).map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" })
    }
    return "runs/\(plain(config.environment))__\(plain(config.preset))__s\(config.seed)__\(format.string(from: Date()))"
  }
}

extension ExperimentConfig {
  /// Its environment, with its time-outs.
  public func environmentEntry(from source: NameSource = .commandLine) throws -> EnvironmentEntry {
    try EnvironmentCatalog.entry(
      environment, from: source, timeouts: .init(start: startTimeout, reset: resetTimeout, step: stepTimeout))
  }
}

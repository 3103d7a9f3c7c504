/// The studies that come with the program: the published one, and ours.
import Records

/// Studies by name.
public enum Studies {
  /// For `study list`.
  public static let builtIn = [
    Study(
      name: "paper-highway", environment: "highway-fast-v0", preset: "paper", models: EncoderKind.published,
      settings: [.init(key: "gradientClip", values: ["1.0", "0.5", "0.1"])], seeds: Array(0..<5), steps: 20_000),
    Study(
      name: "paper-lunarlander", environment: "LunarLander-v3", preset: "paper", models: EncoderKind.published,
      seeds: Array(0..<5), steps: 200_000),
    Study(
      name: "lander",
      parts: [
        .init(
          environment: "LunarLander-v3", preset: "default", models: kinds("mamba dqn lstm transformer mamba2"),
          seeds: Array(0..<20), steps: 200_000),
        .init(
          label: "fast", environment: "LunarLander-v3", preset: "fast", models: kinds("dqn"), seeds: Array(0..<20),
          steps: 200_000),
        .init(
          label: "long", environment: "LunarLander-v3", preset: "default", models: kinds("mamba"), seeds: Array(0..<20),
          steps: 300_000),
      ]),
    Study(
      name: "road",
      parts: [
        .init(
          environment: "highway-fast-v0", preset: "default", models: kinds("mamba dqn lstm transformer mamba2"),
          seeds: Array(0..<20), steps: 20_000),
        .init(
          label: "safest", environment: "highway-fast-v0", preset: "safest", models: kinds("dqn"), seeds: Array(0..<20),
          steps: 20_000),
      ]),
    Study(name: "memory", parts: memory), Study(name: "latents", parts: latents),
  ]

  /// Every encoder on tasks of memory, recurrent (`default`) and over windows (`window`). Windows, which read sixteen
  /// observations a row, take 50,000 steps at most: as many seconds as the recurrent agents take for all of theirs.
  private static let memory: [Study.Part] =
    [
      ("RepeatPreviousEasy", 20_000), ("RepeatPreviousMedium", 100_000), ("RepeatPreviousHard", 300_000),
      ("RepeatFirstEasy", 50_000), ("AutoencodeEasy", 300_000), ("CountRecallEasy", 100_000), ("ConcentrationEasy", 100_000),
      ("TMaze-50", 300_000), ("TMaze-100", 300_000),
    ].flatMap { environment, steps in
      ["default", "window"].map { preset in
        Study.Part(
          label: "\(environment)-\(preset)", environment: environment, preset: preset,
          models: kinds("mamba3 mamba2 mamba transformer lstm dqn"), seeds: Array(0..<5),
          steps: preset == "window" ? min(steps, 50_000) : steps)
      }
    }
    + [
      ("TMaze-250", "mamba3 lstm", 500_000), ("TMaze-500", "mamba3 lstm", 1_000_000), ("TMaze-1000", "mamba3 lstm", 2_000_000),
      ("TMaze-2000", "lstm mamba2", 1_000_000),
      ("TMaze-1000", "mamba2", 1_000_000),  // last: the numbers of the tasks before it stay
    ].map { environment, models, steps in
      Study.Part(
        label: "\(environment)-default", environment: environment, preset: "default", models: kinds(models),
        seeds: Array(0..<5), steps: steps)
    }

  /// What becomes of stored latents: sequences shorter than what must be remembered, from the zero state, from the stored one,
  /// after a burn-in, with states refreshed; and windows with and without stored latents in place of the target network's pass.
  private static let latents: [Study.Part] =
    [
      Memory(environment: "RepeatPreviousMedium", steps: 100_000, rows: 512, length: 32, window: 40, windowInterval: 4),
      Memory(environment: "TMaze-100", steps: 300_000, rows: 512, length: 64, window: 110),
      Memory(
        name: "masked-lander", environment: "LunarLander-v3?mask=2,3,5", model: "mamba", presets: ("recurrent", "default"),
        steps: 200_000, rows: 64, length: 16, window: 4, others: ["inputs": "observation,differences"]),
    ].flatMap(\.parts) + [plain("raw", inputs: "observation"), plain("differences", inputs: "observation,differences")]

  /// The masked lander without any memory: what differences alone are worth.
  private static func plain(_ name: String, inputs: String) -> Study.Part {
    Study.Part(
      label: "masked-lander-\(name)", environment: "LunarLander-v3?mask=2,3,5", preset: "fast", models: [.dqn],
      settings: [.init(key: "inputs", values: [inputs])], seeds: Array(0..<5), steps: 200_000)
  }

  /// A task, and the ways in which latents are used on it.
  private struct Memory {
    var name: String?
    let environment: String
    var model = "mamba3"
    /// For sequences and for windows.
    var presets = ("default", "window")
    let steps: Int
    /// Rows of a batch of sequences (of windows too where their preset is there for comparison), and a sequence's and a
    /// window's length.
    let rows, length, window: Int
    /// Steps between updates of windows; nil: the preset's.
    var windowInterval: Int?
    var others: [String: String] = [:]

    var parts: [Study.Part] {
      let sequences = [
        "sequenceStart": "anywhere", "sequenceLength": "\(length)", "sequenceOverlap": "0", "batchSize": "\(rows / length)",
      ]
      var windows = ["windowLength": "\(window)"]
      if presets.1 == "window" { windows["batchSize"] = "\(rows / window)" }
      if let windowInterval { windows["gradientInterval"] = "\(windowInterval)" }
      return [
        part("zero", presets.0, sequences, ["latents": "none"]), part("stored", presets.0, sequences, ["latents": "state"]),
        part("burn-in", presets.0, sequences, ["latents": "none", "burnIn": "\(length)"]),
        part("refreshed", presets.0, sequences, ["latents": "refresh"]),
        part("window", presets.1, windows, ["latents": "none"]), part("target", presets.1, windows, ["latents": "target"]),
      ]
    }

    private func part(_ mode: String, _ preset: String, _ base: [String: String], _ own: [String: String]) -> Study.Part {
      let settings = base.merging(others) { $1 }.merging(own) { $1 }.sorted { $0.key < $1.key }
      return Study.Part(
        label: "\(name ?? environment)-\(mode)", environment: environment, preset: preset, models: kinds(model),
        settings: settings.map { .init(key: $0.key, values: [$0.value]) }, seeds: Array(0..<5), steps: steps)
    }
  }
  private static func kinds(_ names: String) -> [EncoderKind] {
    names.split(separator: " ").map { EncoderKind(rawValue: String($0)) }
  }

  /// A built-in study by its name, or the one in a .yaml file.
  public static func study(_ name: String) throws -> Study {
    if let study = builtIn.first(where: { $0.name == name }) { return study }
    if name.hasSuffix(".yaml") || name.hasSuffix(".yml") { return try Study(yaml: name) }
    let names = builtIn.map(\.name)
    throw UsageError(
      "unknown study \(name)\(suggestion(for: name, in: names)); there are: \(names.joined(separator: ", ")), "
        + "and the path of a .yaml file")
  }
}

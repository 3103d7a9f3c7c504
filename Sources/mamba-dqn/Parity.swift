import ArgumentParser
import Foundation
import Networks
import Records

struct ParityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parity",
    abstract: "Hold our models against recordings of their references: results, states and every gradient.",
    discussion: """
      FILE holds `weight.P` of every parameter, `input`, `upstream`, `output`, `final.S_state`, `grad.P`: a block of Mamba-1, -2
      or -3, PyTorch's nn.LSTM or nn.GRU, or a residual Q-network (`q`, `latent`); or a language model's `input_ids`, `logits` and `greedy`, with its
      model.safetensors beside it or in a folder there. scripts/make-parity.py makes such files from PyTorch, mamba-ssm and
      transformers.
      Prints one line a tensor: largest difference over largest value; and what is not in the file, so that nothing was held
      against it. Exits with 1 where a difference exceeds 1e-5 (1e-4 of a tensor from which the reference's own float32 strays
      further than 1e-5, as the metadata f32_error say; of all recurrent states where it strays from one).
      """)

  @Argument(help: ArgumentHelp("Recordings, .safetensors files.", valueName: "file"))
  var files: [String]

  func run() throws {
    var wrong = 0, count = 0
    for file in files {
      for report in try Parity.reports(path: file) {
        try output(report.title)
        if !report.missing.isEmpty { try output("  not in the file: \(report.missing.joined(separator: ", "))") }
        for line in report.lines {
          let error = String(format: "%.1e", line.error), bound = String(format: "%.0e", line.tolerance)
          try output("  \(error)  \(line.name)\(line.isWithin ? "" : "  above \(bound)")")
        }
        count += report.lines.count
        wrong += report.lines.count { !$0.isWithin }
      }
    }
    try output("\(count - wrong) of \(count) within tolerance")
    if wrong > 0 { throw ExitCode(1) }
  }
}

/// A trained agent inside another program, which here is a filter: observations come in, actions go out.
/// docs/LatentMambaDQN.docc/EmbedAnAgent.md explains it. usage: EmbedAgent FILE.safetensors < OBSERVATIONS
///
/// A line is an observation, its numbers separated by spaces; from an episode's second line on, the reward of the last action
/// stands before them. An empty line ends the episode.
import Agents
import Foundation
import Records

func run() throws {
  let agent = try ActingState(Safetensors(path: CommandLine.arguments[1]))
  var last: Int?
  while let line = readLine() {
    let numbers = line.split(separator: " ").compactMap { Float($0) }
    if numbers.isEmpty {
      last = nil
      continue
    }
    let expected = agent.encoder.observationSize + (last == nil ? 0 : 1)
    guard numbers.count == expected else {
      throw FileError("standard input", "\(numbers.count) numbers, not \(expected): \(line)")
    }
    if let last { agent.observe(Array(numbers.dropFirst()), after: last, reward: numbers[0]) } else { agent.begin(numbers) }
    let action = agent.greedyAction()
    print(action)
    last = action
  }
}

guard CommandLine.arguments.count == 2 else {
  say("usage: EmbedAgent FILE.safetensors < OBSERVATIONS")
  exit(64)
}
do { try run() } catch {
  say("error: \(error)")
  exit(1)
}

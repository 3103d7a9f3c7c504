/// A study as a Slurm array job: a task an element, which saves before its time is over, goes back into the queue and goes on.
import Records

/// A study's tasks as one array job.
public struct SlurmScript {
  /// The job's name.
  let name: String
  /// The tasks' numbers in their study, ascending.
  let indices: [Int]
  let coresPerTask: Int
  /// As `sbatch` takes it.
  let time: String
  let partition: String?
  /// Runs one task, but for its `--index`.
  let command: [String]
  /// Seconds before the limit at which a task is told. Slurm may be up to a minute early; saving takes a second or two.
  private let warning: Int

  /// - Parameters:
  ///   - time: an element's limit, as Slurm writes one: minutes, hours:minutes:seconds or days-hours.
  ///   - command: program and arguments that run one task of the study, but for `--index`.
  /// - Throws: `UsageError` where Slurm would not take `time` or `partition`.
  public init(_ tasks: [StudyTask], of study: Study, time: String, partition: String?, command: [String]) throws {
    guard let seconds = Self.seconds(time), seconds > 0 else {
      throw UsageError("--time \(time): write minutes, hours:minutes:seconds or days-hours, such as 240, 4:00:00 or 1-0")
    }
    if let partition, partition.isEmpty || partition.contains(where: { $0.isWhitespace }) {
      throw UsageError("--partition \(shellQuoted(partition)): must be one word")
    }
    (name, indices, coresPerTask) = (study.name, tasks.map(\.index), tasks.map(\.config.threads).max() ?? 1)
    (self.time, self.partition, self.command) = (time, partition, command)
    warning = min(60, seconds / 3)
  }

  /// For `sbatch`.
  public var text: String {
    """
    #!/bin/bash
    # \(indices.count) tasks of the study \(name). Submit it with sbatch from the folder where it was made; what sbatch is given
    # there (--mem, --account …) comes before what stands here. The folder must be one for all nodes (docs/scale.md).
    #SBATCH --job-name=\(name)
    #SBATCH --array=\(ranges)
    #SBATCH --cpus-per-task=\(coresPerTask)
    #SBATCH --time=\(time)
    \(partition.map { "#SBATCH --partition=\($0)\n" } ?? "")#SBATCH --signal=B:USR1@\(warning)
    #SBATCH --requeue
    #SBATCH --open-mode=append
    #SBATCH --output=slurm-%x-%a.out

    \(command.map(shellQuoted).joined(separator: " ")) --index "$SLURM_ARRAY_TASK_ID" &
    task=$!
    for signal in USR1 TERM; do trap "kill -$signal $task 2>/dev/null" $signal; done
    # A signal that is passed on ends the waiting, not the task.
    while wait $task; status=$?; kill -0 $task 2>/dev/null; do :; done
    # 128 + SIGUSR1: the time was nearly over, and the task has saved.
    if [ $status = 138 ]; then exec scontrol requeue "$SLURM_JOB_ID"; fi
    exit $status

    """
  }

  /// Such as 0-59 or 0,5-7.
  private var ranges: String {
    var ranges: [ClosedRange<Int>] = []
    for index in indices {
      if let last = ranges.last, last.upperBound == index - 1 {
        ranges[ranges.count - 1] = last.lowerBound...index
      } else {
        ranges.append(index...index)
      }
    }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
  }

  /// Of a limit as Slurm writes it; nil where it is none.
  static func seconds(_ time: String) -> Int? {
    let parts = time.split(separator: "-", omittingEmptySubsequences: false)
    let numbers = parts.last?.split(separator: ":", omittingEmptySubsequences: false).map { text -> Int? in
      text.count <= 6 && text.allSatisfy { ("0"..."9").contains($0) } ? Int(text) : nil
    }
    guard let values = numbers?.compactMap({ $0 }), values.count == numbers?.count, values.count <= 3 else { return nil }
    switch parts.count {
    case 1:
      // minutes, minutes:seconds, hours:minutes:seconds
      let inSeconds = values.count == 1 ? values + [0] : values
      return inSeconds.reduce(0) { 60 * $0 + $1 }
    case 2:
      guard parts[0].count <= 4, let days = Int(parts[0]), days >= 0 else { return nil }
      return 86_400 * days + zip(values, [3600, 60, 1]).reduce(0) { $0 + $1.0 * $1.1 }
    default: return nil
    }
  }
}

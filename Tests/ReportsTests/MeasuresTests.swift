/// Measures of runs small enough to be computed by hand.
import Foundation
import Records
import Reports
import TestSupport
import Testing

@Suite struct MeasuresTests {
  @Test func smoothingBeginsWithTheFirstValue() {
    let curve = StepCurve.smoothed([(10, 100), (20, 0), (30, 200)])
    #expect(curve.values == [100, 90, 101])
    #expect(curve.value(at: 9) == nil && curve.value(at: 10) == 100 && curve.value(at: 29) == 90 && curve.value(at: 99) == 101)
  }

  /// Every step counts once, however many episodes end within it.
  @Test func meansAreOverSteps() throws {
    let curve = StepCurve.smoothed([(10, 100), (20, 0), (30, 200)])
    #expect(curve.mean(over: 1...9) == nil)
    #expect(curve.mean(over: 1...19) == 100)
    // steps 15…19 at 100, 20…29 at 90, 30…34 at 101
    let mean = try #require(curve.mean(over: 15...34))
    #expect(abs(mean - 95.25) < 1e-12)
    #expect(curve.mean(over: 40...50) == 101)
  }

  @Test func aRunsMeasures() throws {
    let space = try Workspace()
    let run = RunFolder(path: space.file("run"))
    try makeFolder(run.path)
    var config = ExperimentConfig()
    (config.totalSteps, config.learningStarts) = (100, 20)
    try AtomicFile.write(config.json, to: run.config)
    let files = [
      (run.progress, "step,train/loss,time_elapsed\n20,,1\n60,1,30\n100,2,60\n"),
      (run.monitor, "#{}\nr,l,t\n100,20,0\n1300,75,0\n500,5,0\n"),
      (run.evaluation, #"{"returns": [10, 30], "lengths": [1, 1], "shareTruncated": 0}"#),
    ]
    for (path, text) in files { try AtomicFile.write(Data(text.utf8), to: path) }
    let measures = try #require(Measures(RunRecord(run)))
    // smoothed: 100 from step 20, 220 from 95, 248 from 100
    #expect(abs(measures.final - 248) < 1e-9)
    #expect(abs(measures.lastTenth - 174.8) < 1e-9)  // steps 91 … 100: (4 · 100 + 5 · 220 + 248) / 10
    #expect(abs(measures.window - 8848.0 / 81) < 1e-9)  // steps 20 … 100: (75 · 100 + 5 · 220 + 248) / 81
    #expect(measures.firstAtLeast200 == 95)
    let loss = try #require(measures.finalLoss)
    #expect(abs(loss - 1.1) < 1e-12)
    #expect(measures.greedyMean == 20 && measures.seconds == 60)
  }
}

/// The progress line fits any terminal from 20 columns on, and shows as much as there is room for.
import Testing
import Training

@Suite struct ProgressLineTests {
  @Test func fitsEveryWidth() {
    let reports = [
      ProgressReport(step: 1, totalSteps: 10, sessionSeconds: 1, meanReturn: .nan, epsilon: 1, loss: nil),
      ProgressReport(
        step: 999_999_999, totalSteps: 1_000_000_000, sessionSeconds: 9, meanReturn: -12345.6, epsilon: 0.01, loss: 0.1234),
      ProgressReport(step: 200_000, totalSteps: 200_000, sessionSeconds: 9e5, meanReturn: 250, epsilon: 0.05, loss: 1e30),
    ]
    for report in reports {
      var shown = 0
      for width in 20...200 {
        let line = ProgressLine.line(report, 812.3, width: width)
        #expect(line.count < width && line.contains("%"), "\(width): \(line)")
        let parts = line.split(separator: "  ").count
        #expect(parts >= shown - 1, "\(width): \(line)")
        shown = max(shown, parts)
      }
      #expect(ProgressLine.line(report, 812.3, width: 200).contains("steps/s"))
    }
  }
}

/// The card tasks as a spectator sees them, who remembers everything: the card of now, the one to be named, and the last
/// answer, green or red.

extension RepeatPrevious: Drawable {
  public var framesPerSecond: Double { CardTable.framesPerSecond }

  /// Below, the last `distance` cards, the one to be named first.
  public func scene() -> Scene {
    let seen = deck.dealtCount
    func suit(_ index: Int) -> Int? { index >= 0 ? CardFace.suit.of(deck.dealt(index)) : nil }
    var table = CardTable("name the suit of \(distance) cards ago", "card", seen, of: deck.count)
    table.place(0, "now", .suit, suit(seen - 1))
    table.place(1, "to be named", .suit, suit(seen - distance), frame: .open)
    table.place(2, "named last", .suit, answer?.action, frame: .init(isRight: answer?.isRight))
    table.strip(distance) { index, height in
      let value = suit(seen - distance + index)
      return value.map { CardDrawing.card(.suit, $0, height: height, frame: index == 0 ? .open : .plain) } ?? .empty
    }
    return table.scene
  }
}

extension RepeatFirst: Drawable {
  public var framesPerSecond: Double { CardTable.framesPerSecond }

  public func scene() -> Scene {
    var table = CardTable("name the suit of the first card", "card", deck.dealtCount, of: deck.count)
    table.place(0, "now", .suit, CardFace.suit.of(deck.dealt(deck.dealtCount - 1)))
    table.place(1, "the first", .suit, CardFace.suit.of(deck.dealt(0)), frame: .open)
    table.place(2, "named last", .suit, answer?.action, frame: .init(isRight: answer?.isRight))
    return table.scene
  }
}

extension Autoencode: Drawable {
  public var framesPerSecond: Double { CardTable.framesPerSecond }

  /// Below, the cards in the order in which they were dealt: those to come face down, those recited gone.
  public func scene() -> Scene {
    let isWatching = deck.remaining > 0, dealt = deck.dealtCount
    func suit(_ index: Int) -> Int { CardFace.suit.of(deck.dealt(index)) }
    var table =
      isWatching
      ? CardTable("watch: remember every suit", "card", dealt, of: deck.count)
      : CardTable("play: name the suits backwards", "named", deck.count - unrecited, of: deck.count)
    // The last card is still seen when the playing begins.
    table.place(0, "now", .suit, unrecited == deck.count ? suit(dealt - 1) : nil)
    table.place(1, "to be named", .suit, isWatching || unrecited == 0 ? nil : suit(unrecited - 1), frame: .open)
    table.place(2, "named last", .suit, answer?.action, frame: .init(isRight: answer?.isRight))
    table.strip(deck.count) { index, height in
      if index >= dealt { return CardDrawing.card(.suit, nil, height: height) }
      if index >= unrecited { return .empty }
      return CardDrawing.card(.suit, suit(index), height: height, frame: !isWatching && index == unrecited - 1 ? .open : .plain)
    }
    return table.scene
  }
}

extension CountRecall: Drawable {
  public var framesPerSecond: Double { CardTable.framesPerSecond }

  /// Below, how often each has been dealt.
  public func scene() -> Scene {
    var table = CardTable("how often was what is asked dealt?", "card", values.dealtCount, of: values.count)
    table.place(0, "dealt now", face, face.of(values.dealt(values.dealtCount - 1)))
    table.place(1, "asked", face, query, frame: .open)
    table.place(2, "answered last", number: answer?.action, isRight: answer?.isRight)
    table.tally(face, counts)
    return table.scene
  }
}

extension Concentration: Drawable {
  public var framesPerSecond: Double { CardTable.framesPerSecond }

  /// Pairs that were found are green, the cards of this attempt yellow, and red where they do not match.
  public func scene() -> Scene {
    var table = CardTable("find pairs: \(upCount / 2) of \(deck.count / 2)", "step", stepsTaken, of: timeLimit)
    table.spread(deck.count) { position, height in
      let isTurned = position == turned.first || position == turned.second
      let value = isTurned || isUp[position] ? face.of(deck.cards[position]) : nil
      return CardDrawing.card(
        face, value, height: height,
        frame: isUp[position] ? .right : !isTurned ? .plain : first == nil ? .wrong : .open)
    }
    return table.scene
  }
}

/** Which rules look at which facts. */
import type { Fact } from './fact.ts';
import type { Rule } from './history-checker.ts';
import { keepsWhatThereIs, nothingLeaks } from './rules/bounds.ts';
import { everyStateIsHandled } from './rules/coverage.ts';
import { everyEndIsTold, finalizersHold, heldBeforeCalled, nothingStaysHeld } from './rules/ends.ts';
import { oneAtATime, onlyWhoRuns } from './rules/exclusion.ts';
import { bodyIsTrue } from './rules/fidelity.ts';
import { livesAreKeptApart } from './rules/lives.ts';
import { neverBack } from './rules/order.ts';
import { callsArePrompt, callsWaitForQuiet } from './rules/promptness.ts';
import { idsNameStates, noneWithoutCause } from './rules/repeats.ts';
import { attemptsAreSpaced, endingIsFinal, probesAreSpaced } from './rules/retries.ts';
import { statusIsTrue, statusStays } from './rules/statuses.ts';
import { everyObjectIsSentAgain, everyWishIsGranted } from './rules/wishes.ts';

export const RULES: Readonly<Partial<Record<Fact['fact'], readonly Rule[]>>> = {
  call: [
    onlyWhoRuns,
    oneAtATime,
    neverBack,
    livesAreKeptApart,
    noneWithoutCause,
    idsNameStates,
    attemptsAreSpaced,
    probesAreSpaced,
    endingIsFinal,
    callsWaitForQuiet,
    callsArePrompt,
    bodyIsTrue,
    heldBeforeCalled,
  ],
  write: [finalizersHold],
  gone: [finalizersHold],
  status: [statusIsTrue],
  holds: [keepsWhatThereIs],
  leak: [nothingLeaks],
  quiet: [
    everyStateIsHandled,
    everyWishIsGranted,
    everyObjectIsSentAgain,
    everyEndIsTold,
    nothingStaysHeld,
    statusStays,
  ],
};

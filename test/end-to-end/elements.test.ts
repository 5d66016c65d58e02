import { SMALL } from '../elements/groups.ts';
import { compareGroup, Findings } from '../elements/suite.ts';

// All elements that are asked to run unchanged: test/long/elements.test.ts.
compareGroup(SMALL, new Findings());

import { assertEquals } from "@std/assert";
import { unmetOptions } from "../lab/kernel.ts";
import { addCounts, countTests, printCounts } from "../lab/test_counts.ts";

const REPORT = `<testsuites name="deno test" tests="5" failures="1" errors="0">
  <testsuite name="./a_test.ts" tests="5">
    <testcase name="good" classname="./a_test.ts">
    </testcase>
    <testcase name="short &gt; form" classname="./a_test.ts" time="0.000"/>
    <testcase name="left out"><skipped/></testcase>
    <testcase name="bad"><failure message="x">Error: &lt;/testcase&gt; &lt;skipped/&gt;</failure></testcase>
    <testcase name="crashed"><error message="x"/></testcase>
  </testsuite>
</testsuites>`;

Deno.test("countTests counts the cases of a JUnit report by how they ended", () => {
  assertEquals(countTests(REPORT), { passed: 2, failed: 2, skipped: 1 });
  assertEquals(countTests(""), { passed: 0, failed: 0, skipped: 0 });
});

Deno.test("counts are added and printed as the runner's last line", () => {
  const sum = addCounts(countTests(REPORT), { passed: 1, failed: 0, skipped: 0 });
  assertEquals(printCounts(sum), "3 passed, 2 failed, 1 skipped");
});

Deno.test("unmetOptions finds what a kernel's configuration refused", () => {
  const fragment =
    "# a comment\nCONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n# CONFIG_D is not set";
  const cases: [config: string, unmet: string[]][] = [
    ["CONFIG_A=y\nCONFIG_B=y\n# CONFIG_C is not set\n", []],
    ["CONFIG_A=y\nCONFIG_B=y\nCONFIG_CC=y\n", []],
    ["CONFIG_A=m\nCONFIG_B=y\n", ["CONFIG_A=y"]],
    ["CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=m\n", ["CONFIG_B=y", "# CONFIG_D is not set"]],
  ];
  for (const [config, unmet] of cases) assertEquals(unmetOptions(fragment, config), unmet, config);
});

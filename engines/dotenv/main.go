// Docker Compose's own reader of .env, for a second opinion on telegraf_plugin/config/dotenv.py: each line of standard
// input is the text of a file as a JSON string; printed is what Compose reads of it, a JSON object, or null if it
// refuses it. No variable is set in its environment.
//
//	go run . <../../tests/unit/dotenv_cases/texts.jsonl >../../tests/unit/dotenv_cases/compose.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 1<<24)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var text string
		if err := json.Unmarshal(in.Bytes(), &text); err != nil {
			panic(err)
		}
		found, err := dotenv.Parse(strings.NewReader(text))
		if err != nil {
			found = nil
		}
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(found); err != nil {
			panic(err)
		}
	}
}

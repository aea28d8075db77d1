package catalogue_test

import (
	"fmt"
	"time"

	"example.org/veille/extract/catalogue"
)

func ExampleCatalogue_Mentions() {
	c, err := catalogue.Load()
	if err != nil {
		panic(err)
	}
	text := "Arrow ECS distribue l'Azure de Microsoft ; la box d'Orange attendra."
	for _, m := range c.Mentions(text, "fr", time.Date(2022, 1, 18, 0, 0, 0, 0, time.UTC)) {
		v, _ := c.Vendor(m.VendorID)
		fmt.Println(text[m.Start:m.End], "=", v.Name)
	}
	// Output:
	// Arrow ECS = Arrow ECS
	// Azure = Microsoft
	// Microsoft = Microsoft
	// Orange = Orange
}

package seed

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/csv"
	"io"
	"strings"
)

// files are the real data sets; data/NOTICE names their licences.
//
//go:embed data/epidemic.csv.gz data/clinics.csv.gz
var files embed.FS

// OpenEpidemic opens the daily figures of the epidemic of 2020 by city in the four provinces, CSV in UTF-8: date,
// country, countryCode, province, provinceCode, city, cityCode, confirmed, suspected, cured, dead. Figures are
// cumulative. 21,466 rows; real, so dirty: rows without a city code, counts that fall, cured and dead above confirmed.
func OpenEpidemic() (io.ReadCloser, error) { return open("epidemic") }

// OpenClinics opens the fever clinics of January 2020, CSV in UTF-8: cityCode, province, city, county, name, level,
// isDesignated, address, tel, hours, source, date. 983 rows, none for Anhui.
func OpenClinics() (io.ReadCloser, error) { return open("clinics") }

// OpenEpidemicOf is OpenEpidemic with the rows of one province ("31" … "34") alone.
func OpenEpidemicOf(province string) (io.ReadCloser, error) { return openOf("epidemic", 4, province) }

// OpenClinicsOf is OpenClinics with the rows of one province ("31" … "34") alone.
func OpenClinicsOf(province string) (io.ReadCloser, error) { return openOf("clinics", 0, province) }

func open(name string) (io.ReadCloser, error) {
	f, err := files.Open("data/" + name + ".csv.gz")
	if err != nil {
		return nil, err
	}
	return gzip.NewReader(f)
}

// openOf keeps the rows whose column begins with the province.
func openOf(name string, column int, province string) (io.ReadCloser, error) {
	if !strings.Contains(" 31 32 33 34 ", " "+province+" ") {
		return nil, ErrProvince.With()
	}
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // reads from memory
	in := csv.NewReader(f)
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for first := true; ; first = false {
		rec, err := in.Read()
		if err == io.EOF {
			w.Flush()
			return io.NopCloser(&out), w.Error()
		}
		if err != nil {
			return nil, err
		}
		if first || strings.HasPrefix(rec[column], province) {
			if err := w.Write(rec); err != nil {
				return nil, err
			}
		}
	}
}

package source
import ("testing";"context";"database/sql/driver")
func BenchmarkBase(b *testing.B){
 s := open(b, Spec{Kind: KindSQLite, Location: personDB(b, 100_000)}).(*sqliteSource)
 c,_:=s.conn(context.Background())
 st,err:=c.prepare(context.Background(),`SELECT id,name,+born,score,n,ok,addr,note,+seen,unit FROM person WHERE (id COLLATE BINARY=?)`)
 if err!=nil{b.Fatal(err)}
 row:=make([]driver.Value,10)
 b.ResetTimer()
 for i:=range b.N{
  q:=point(i%100000)
  r,err:=st.QueryContext(context.Background(),named([]any{q.Where.Values[0].S}))
  if err!=nil{b.Fatal(err)}
  for r.Next(row)==nil{}
  r.Close()
 }
}

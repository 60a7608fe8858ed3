package c360.peers;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.CompressionType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/** One block cache and one write buffer budget for all stores of the process; filters also on the last level. */
public final class Bounded implements RocksDBConfigSetter {
    static {
        org.rocksdb.RocksDB.loadLibrary(); // this class is initialised before any store has done it
    }

    private static final Cache CACHE = new LRUCache(Long.getLong("rocks.cache", 256L << 20), -1, false, 0.1);
    private static final WriteBufferManager BUFFERS = new WriteBufferManager(Long.getLong("rocks.buffers", 192L << 20), CACHE);

    @Override
    public void setConfig(String store, Options o, Map<String, Object> configs) {
        BlockBasedTableConfig t = (BlockBasedTableConfig) o.tableFormatConfig();
        t.setBlockCache(CACHE);
        t.setCacheIndexAndFilterBlocks(true);
        t.setCacheIndexAndFilterBlocksWithHighPriority(true);
        t.setPinTopLevelIndexAndFilter(true);
        t.setFilterPolicy(new BloomFilter(10, false));
        t.setBlockSize(8192);
        o.setTableFormatConfig(t);
        o.setWriteBufferManager(BUFFERS);
        o.setOptimizeFiltersForHits(false); // Streams' default leaves the last level without filters: bad for "not seen yet"
        o.setWriteBufferSize(16L << 20);
        o.setMaxWriteBufferNumber(3);
        if (Boolean.getBoolean("rocks.membloom")) {
            o.setMemtablePrefixBloomSizeRatio(0.1);
            o.setMemtableWholeKeyFiltering(true);
        }
        o.setCompressionType(CompressionType.NO_COMPRESSION);
    }

    @Override
    public void close(String store, Options o) { }
}
